package serial

import (
	"testing"
	"unsafe"
)

func TestStructsAreAsTheKernelReadsThem(t *testing.T) {
	if got := unsafe.Sizeof(rs485{}); got != 32 {
		t.Errorf("serial_rs485: got %d bytes, want 32", got)
	}
	want := uintptr(72)
	if unsafe.Sizeof(uintptr(0)) == 4 {
		want = 60
	}
	if got := unsafe.Sizeof(serialStruct{}); got != want {
		t.Errorf("serial_struct: got %d bytes, want %d", got, want)
	}
	if got := unsafe.Offsetof(serialStruct{}.flags); got != 16 {
		t.Errorf("serial_struct.flags: got offset %d, want 16", got)
	}
}
