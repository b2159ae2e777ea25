package hwtest

import (
	"bytes"
	"strings"
	"testing"
)

func TestCMACIsThatOfRFC4493(t *testing.T) {
	key := mustHex("2b7e151628aed2a6abf7158809cf4f3c")
	message := mustHex("6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51" +
		"30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710")
	for size, want := range map[int]string{
		0:  "bb1d6929e95937287fa37d129b756746",
		16: "070a16b46b4d4144f79bdd9dd04a287c",
		40: "dfa66747de9ae63030ca32611497c827",
		64: "51f0bebf7e3b9d92fc49741779363cfe",
	} {
		if got := aesCMAC(key, message[:size]); !bytes.Equal(got, mustHex(want)) {
			t.Errorf("%d bytes: got %x, want %s", size, got, want)
		}
	}
}

// TestNTAG424MirrorsAsAN12196 has the vectors that NXP prints, with keys of zero.
func TestNTAG424MirrorsAsAN12196(t *testing.T) {
	tests := []struct {
		name, uid, url, pad, want string
		counter                   uint32
	}{
		{
			"MAC over nothing", "04DE5F1EACC040", "https://a.example/?picc_data={picc}&cmac={cmac}", "DA5CF60941",
			"https://a.example/?picc_data=EF963FF7828658A599F3041510671E88&cmac=94EED9EE65337086", 61,
		},
		{
			"MAC over the file", "04958CAA5C5E80", "https://a.example/?e={picc}&c={file}&cmac={cmac}", "A243C86DFC",
			"https://a.example/?e=FD91EC264309878BE6345CBE53BADF40&c=CEE9A53E3E463EF1F459635736738962&cmac=ECC1E7F6C6C73BF6", 8,
		},
		{
			"plain mirror", "041E3C8A2D6B80", "https://a.example/?uid={uid}&ctr={ctr}&m={cmac}", "0000000000",
			"https://a.example/?uid=041E3C8A2D6B80&ctr=000006&m=4B00064004B0B3D3", 6,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := NewNTAG424(tt.uid, tt.url, make([]byte, 16), make([]byte, 16))
			n.pad = func() []byte { return mustHex(tt.pad) }
			if got := n.at(tt.counter); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// readNDEF reads a Type 4 tag as the specification says, in pieces.
func readNDEF(t *testing.T, tag Tag, piece int) []byte {
	t.Helper()
	tag.PowerUp()
	tag.Select()
	ask := func(command string) []byte {
		t.Helper()
		answer := tag.Exchange(mustHex(command))
		if n := len(answer); n < 2 || answer[n-2] != 0x90 || answer[n-1] != 0 {
			t.Fatalf("%s: got % X", command, answer)
		}
		return answer[:len(answer)-2]
	}
	ask("00A4040007D276000085010100")
	ask("00A4000C02E103")
	if cc := ask("00B000000F"); cc[2] != 0x20 || !bytes.Equal(cc[7:11], mustHex("0406E104")) {
		t.Fatalf("capability container: got % X", cc)
	}
	ask("00A4000C02E104")
	head := ask("00B0000002")
	var message []byte
	for size := int(head[0])<<8 | int(head[1]); len(message) < size; {
		at := 2 + len(message)
		n := min(piece, size-len(message))
		message = append(message, tag.Exchange([]byte{0x00, 0xB0, byte(at >> 8), byte(at), byte(n)})[:n]...)
	}
	return message
}

func TestNTAG424CountsEachReading(t *testing.T) {
	n := NewNTAG424("04DE5F1EACC040", "https://a.example/?picc_data={picc}&cmac={cmac}", make([]byte, 16), make([]byte, 16))
	n.SetCounter(60)
	seen := map[string]bool{}
	for want := uint32(61); want < 64; want++ {
		message := readNDEF(t, n, 17)
		url := "https://" + string(message[5:])
		if message[4] != 0x04 || url != n.LastURL() {
			t.Errorf("got % X, want %s", message, n.LastURL())
		}
		if n.Counter() != want || seen[url] || strings.ContainsAny(url, "{}") {
			t.Errorf("reading %d: got %s at %d", want, url, n.Counter())
		}
		seen[url] = true
	}
}

func TestType4TagGivesItsMessageInPieces(t *testing.T) {
	want := NDEFText("en", strings.Repeat("a long text ", 40))
	for _, tag := range []Tag{NewType4("04A1B2C3D4E5F6", want), NewType4Phone(want)} {
		if got := readNDEF(t, tag, 0x3B); !bytes.Equal(got, want) {
			t.Errorf("got %d bytes % X", len(got), got)
		}
		if got := tag.Exchange(mustHex("00B000003C")); !bytes.Equal(got, swLength) {
			t.Errorf("more than MLe: got % X", got)
		}
		if got := tag.Exchange(mustHex("00B0400002")); !bytes.Equal(got, swOffset) {
			t.Errorf("behind the end: got % X", got)
		}
	}
}
