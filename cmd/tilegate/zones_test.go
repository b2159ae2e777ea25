package main

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// F-18: a machine may lack the zone database, or it may be damaged. Here no
// file can be opened at all, so what is known was carried along.
func TestProgramCarriesTheTimeZones(t *testing.T) {
	var usual syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &usual); err != nil {
		t.Fatal(err)
	}
	none := usual
	none.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	file, openErr := os.Open(os.DevNull)
	zone, err := time.LoadLocation("Europe/Rome")
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &usual); err != nil {
		t.Fatal(err)
	}
	if openErr == nil {
		_ = file.Close()
		t.Fatal("a file could be opened, so this proves nothing")
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, offset := time.Date(2026, 10, 25, 0, 59, 59, 0, time.UTC).In(zone).Zone(); offset != 2*3600 {
		t.Errorf("Rome before the clock goes back: offset %d s, want 7200", offset)
	}
}
