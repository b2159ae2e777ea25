package hw_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
	"github.com/tilegate/tilegate/hw/pkoc"
)

// nfcBench is a PN532 with a simulated chip at the other end of its line, and
// somebody who reads it all the time.
type nfcBench struct {
	*testing.T
	pty    *hwtest.PTY
	chip   *hwtest.PN532
	reader hw.Reader

	mu    sync.Mutex // guards reads
	reads []hw.Read
}

func openPN532(t *testing.T, keys string) *nfcBench {
	t.Helper()
	pty := hwtest.NewPTY(t)
	b := &nfcBench{T: t, pty: pty, chip: hwtest.NewPN532(pty.Master)}
	power(t, b.chip.Run)
	plan, err := hw.CheckReader("pn532", options(fmt.Sprintf("port = %q\n%s", pty.Path(), keys)))
	if err != nil {
		t.Fatal(err)
	}
	if b.reader, err = plan.Open(hw.NewLines(hw.Host{}), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.reader.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// reading reads until the end of the test.
func (b *nfcBench) reading() *nfcBench {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			read, err := b.reader.Read(ctx)
			if err != nil {
				return
			}
			b.mu.Lock()
			b.reads = append(b.reads, read)
			b.mu.Unlock()
		}
	})
	b.Cleanup(func() { cancel(); running.Wait() })
	return b
}

func (b *nfcBench) all() []hw.Read {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.reads)
}

func (b *nfcBench) await(what string, met func() bool) {
	b.Helper()
	for end := time.Now().Add(patience); !met(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("%s: not within %s; %d reads, stats %+v", what, patience, len(b.all()), b.reader.Stats())
		}
	}
}

// next waits for the nth read.
func (b *nfcBench) next(n int) hw.Read {
	b.Helper()
	b.await(fmt.Sprintf("read %d", n), func() bool { return len(b.all()) >= n })
	return b.all()[n-1]
}

// looks waits until the chip has looked for a card so often more.
func (b *nfcBench) looks(n int) {
	b.Helper()
	from := b.chip.Commands(0x4A)
	b.await("looks", func() bool { return b.chip.Commands(0x4A) >= from+n })
}

func (b *nfcBench) drops(word string) uint64 { return b.reader.Stats().Drops[word] }

// shown is a read without its time, and with its value for all to see.
type shown struct {
	Kind      access.Kind
	Value     string
	Assurance access.Assurance
	Fault     access.Reason
	Several   bool
}

func show(r hw.Read) shown {
	return shown{r.Kind, string(r.Value), r.Assurance, r.Fault, r.Several}
}

var (
	unreadable = shown{Fault: access.Unreadable}
	crowded    = shown{Fault: access.Unreadable, Several: true}
)

func TestPN532TellsWhoStandsThere(t *testing.T) {
	t.Parallel()
	atOnce(t, map[string]func(*testing.T){
		"ReadsWhatACardIs":               pn532ReadsWhatACardIs,
		"HasAPKOCCardProveItself":        pn532HasAPKOCCardProveItself,
		"TakesNoLesserProofOfAPKOCCard":  pn532TakesNoLesserProofOfAPKOCCard,
		"ReadsEveryTapOfASignedTag":      pn532ReadsEveryTapOfASignedTag,
		"AsksForOneCard":                 pn532AsksForOneCard,
		"CountsACardAgainAfterItWasAway": pn532CountsACardAgainAfterItWasAway,
		"CountsAnotherCardAtOnce":        pn532CountsAnotherCardAtOnce,
	})
}

func pn532ReadsWhatACardIs(t *testing.T) {
	uri, text := hwtest.NDEFURI("https://a.example/door"), hwtest.NDEFText("it", "TG1:6BF+70790 T9WJWG")
	card := func(uid string) shown { return shown{Kind: access.Card, Value: uid} }
	code := func(text string) shown { return shown{Kind: access.QR, Value: text} }
	all := map[string]func(*testing.T){}
	for _, tt := range []struct {
		name, keys string
		tag        hwtest.Tag
		want       shown
	}{
		{"MIFARE Classic", "", hwtest.NewMifareClassic("922E5832"), card("922e5832")},
		{"MIFARE Classic with 7 bytes", "", hwtest.NewMifareClassic("04A2B3C4D5E680"), card("04a2b3c4d5e680")},
		{"NTAG213 with a URI", "", hwtest.NewNTAG(213, "04C63A63110189", uri), code("https://a.example/door")},
		{"NTAG215 with a text", "", hwtest.NewNTAG(215, "04C63A63110189", text), code("TG1:6BF+70790 T9WJWG")},
		{"NTAG216 with a long text", "", hwtest.NewNTAG(216, "04C63A63110189", hwtest.NDEFText("en", strings.Repeat("LONG", 200))), code(strings.Repeat("LONG", 200))},
		{"NTAG without a message", "", hwtest.NewNTAG(215, "04C63A63110189", nil), card("04c63a63110189")},
		{"NTAG with a message that is none", "", hwtest.NewNTAG(215, "04C63A63110189", []byte{0xFF, 0xFF, 0xFF}), card("04c63a63110189")},
		{"NTAG with a control character", "", hwtest.NewNTAG(215, "04C63A63110189", hwtest.NDEFText("en", "AB\x1bCD")), card("04c63a63110189")},
		{"Type 4 tag", "", hwtest.NewType4("04A1B2C3D4E5F6", uri), code("https://a.example/door")},
		{"Type 4 tag in pieces", "", hwtest.NewType4("04A1B2C3D4E5F6", hwtest.NDEFText("en", strings.Repeat("LONG", 200))), code(strings.Repeat("LONG", 200))},
		{"phone with a text", "", hwtest.NewType4Phone(text), code("TG1:6BF+70790 T9WJWG")},
		{"DESFire", "", hwtest.NewDESFire("04A1B2C3D4E5F6"), card("04a1b2c3d4e5f6")},
		{"phone with nothing for us", "", hwtest.NewPhone(), unreadable},
		{"phone with a UID of many", "", hwtest.NewPhoneWithUID("01020304"), unreadable},
		{"bank card", "", hwtest.NewBankCard(), unreadable},
		{"only the UID counts", `accept = ["uid"]`, hwtest.NewNTAG(215, "04C63A63110189", text), card("04c63a63110189")},
		{"the UID counts more", `accept = ["uid", "ndef"]`, hwtest.NewType4("04A1B2C3D4E5F6", uri), card("04a1b2c3d4e5f6")},
		{"the UID counts more, and is none", `accept = ["uid", "ndef"]`, hwtest.NewType4Phone(text), code("TG1:6BF+70790 T9WJWG")},
		{"the UID does not count", `accept = ["pkoc", "ndef"]`, hwtest.NewMifareClassic("922E5832"), unreadable},
	} {
		all[tt.name] = func(t *testing.T) {
			b := openPN532(t, tt.keys).reading()
			b.await("up", func() bool { return b.reader.Stats().Up })
			before := time.Now()
			b.chip.Put(tt.tag)
			read := b.next(1)
			if diff := cmp.Diff(tt.want, show(read)); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
			if read.At.Before(before) || read.At.After(time.Now()) {
				t.Errorf("at: got %s, want after %s", read.At, before)
			}
			b.looks(6) // and as long as it stays, that was it
			if got := len(b.all()); got != 1 {
				t.Errorf("got %d reads of a card that stays, want 1", got)
			}
			if s := b.reader.Stats(); s.Identity != "PN532 firmware 1.6" || !s.Up || s.Err != "" || s.Steps["wake"] != 0 || s.Steps["reopen"] != 0 {
				t.Errorf("stats: got %+v", s)
			}
		}
	}
	atOnce(t, all)
}

func pn532HasAPKOCCardProveItself(t *testing.T) {
	own := strings.Repeat("5a", pkoc.ReaderSize)
	for _, tag := range []*hwtest.PKOC{hwtest.NewPKOCCard("04A1B2C3D4E5F6", nil), hwtest.NewPKOCPhone(nil)} {
		b := openPN532(t, fmt.Sprintf("pkoc_reader_id = %q\nhold_off = \"100ms\"", own)).reading()
		proofs := map[string]bool{}
		for n := range 2 {
			b.chip.Put(tag)
			read := b.next(n + 1)
			if read.Kind != access.PKOC || string(read.Value) != hex.EncodeToString(tag.PublicKey()) {
				t.Fatalf("got %s, or another key", read.Kind)
			}
			if err := pkoc.VerifyProof(string(read.Value), read.Proof); err != nil {
				t.Error(err)
			}
			proofs[string(read.Proof[:pkoc.TransactionSize])] = true
			b.chip.Take(tag)
			b.looks(6)
		}
		if len(proofs) != 2 || len(tag.Transactions()) != 2 {
			t.Errorf("got %d transactions in %d proofs, want 2 different ones", len(tag.Transactions()), len(proofs))
		}
	}
}

func pn532TakesNoLesserProofOfAPKOCCard(t *testing.T) {
	tag := hwtest.NewPKOCCard("04A1B2C3D4E5F6", nil)
	tag.SetHabit(hwtest.PKOCRefuses)
	b := openPN532(t, "").reading()
	b.chip.Put(tag)
	if diff := cmp.Diff(unreadable, show(b.next(1))); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	if b.drops("pkoc") != 1 {
		t.Errorf("drops: got %v, want one of pkoc", b.reader.Stats().Drops)
	}
}

func pn532ReadsEveryTapOfASignedTag(t *testing.T) {
	tag := hwtest.NewNTAG424("04DE5F1EACC040", "https://a.example/t?e={picc}&c={cmac}", make([]byte, 16), make([]byte, 16))
	b := openPN532(t, `hold_off = "100ms"`).reading()
	for n := range 3 {
		b.chip.Put(tag)
		if got := show(b.next(n + 1)); got.Kind != access.QR || got.Value != tag.LastURL() || tag.Counter() != uint32(n+1) {
			t.Errorf("tap %d: got %s, or another URL; counter %d", n+1, got.Kind, tag.Counter())
		}
		b.looks(4)
		b.chip.Take(tag)
		b.looks(4)
	}
}

func pn532AsksForOneCard(t *testing.T) {
	ntag := func(uid string) hwtest.Tag { return hwtest.NewNTAG(215, uid, nil) }
	all := map[string]func(*testing.T){}
	for _, tt := range []struct {
		name string
		both [2]hwtest.Tag
	}{
		{"bits run into each other", [2]hwtest.Tag{ntag("04C63A63110189"), hwtest.NewMifareClassic("922E5832")}},
		{"one hides behind the other", [2]hwtest.Tag{ntag("04C63A63110189"), ntag("04AAAAAA110189")}},
		{"two phones", [2]hwtest.Tag{hwtest.NewPKOCPhone(nil), hwtest.NewPKOCPhone(nil)}},
	} {
		all[tt.name] = func(t *testing.T) {
			b := openPN532(t, "").reading()
			b.await("up", func() bool { return b.reader.Stats().Up })
			b.chip.Put(tt.both[0])
			b.chip.Put(tt.both[1])
			if diff := cmp.Diff(crowded, show(b.next(1))); diff != "" {
				t.Fatalf("read (-want +got):\n%s", diff)
			}
			b.looks(15) // it is said once, also after a second
			if got := len(b.all()); got != 1 || b.drops("several") != 1 {
				t.Errorf("got %d reads while both stay, want 1; drops %v", got, b.reader.Stats().Drops)
			}
			b.chip.Take(tt.both[0])
			b.chip.Take(tt.both[1])
			b.looks(6)
			b.chip.Put(tt.both[0]) // and one of them alone is read
			if got := b.next(2); got.Fault != access.Granted {
				t.Errorf("alone: got %+v", show(got))
			}
		}
	}
	atOnce(t, all)
}

func pn532CountsACardAgainAfterItWasAway(t *testing.T) {
	all := map[string]func(*testing.T){}
	for _, tt := range []struct {
		name, holdOff string
		tag           hwtest.Tag
		want          int
	}{
		{"a card after the hold-off", "100ms", hwtest.NewMifareClassic("922E5832"), 2},
		{"a phone after the hold-off", "100ms", hwtest.NewPKOCPhone(nil), 2},
		{"a card too soon", "1m", hwtest.NewMifareClassic("922E5832"), 1},
		{"a phone too soon, with another UID", "1m", hwtest.NewPKOCPhone(nil), 1},
	} {
		all[tt.name] = func(t *testing.T) {
			b := openPN532(t, fmt.Sprintf("hold_off = %q", tt.holdOff)).reading()
			b.chip.Put(tt.tag)
			b.next(1)
			b.chip.Take(tt.tag)
			b.looks(6)
			b.chip.Put(tt.tag)
			b.next(tt.want)
			b.looks(6)
			if got := len(b.all()); got != tt.want {
				t.Errorf("got %d reads, want %d", got, tt.want)
			}
		}
	}
	atOnce(t, all)
}

func pn532CountsAnotherCardAtOnce(t *testing.T) {
	first, second := hwtest.NewMifareClassic("922E5832"), hwtest.NewMifareClassic("11223344")
	b := openPN532(t, "").reading()
	b.chip.Put(first)
	b.next(1)
	b.chip.Take(first)
	b.chip.Put(second)
	if got := show(b.next(2)); got.Value != "11223344" {
		t.Errorf("got %+v, want the second card", got)
	}
}

func TestPN532OptionsAreChecked(t *testing.T) {
	for _, tt := range []struct{ name, keys, want string }{
		{"no port", "", "port is missing"},
		{"nothing accepted", "port = \"/dev/x\"\naccept = []", "accept is empty"},
		{"an unknown way", "port = \"/dev/x\"\naccept = [\"nfc\"]", `"nfc" is not known`},
		{"a way twice", "port = \"/dev/x\"\naccept = [\"uid\", \"uid\"]", "stands there twice"},
		{"a short reader id", "port = \"/dev/x\"\npkoc_reader_id = \"00 01\"", "has 2 bytes, use 32"},
		{"a hold-off of nothing", "port = \"/dev/x\"\nhold_off = \"0s\"", "use 100ms to 1m"},
		{"an unknown key", "port = \"/dev/x\"\nacept = [\"uid\"]", "unknown key acept"},
		{"a speed of nobody", "port = \"/dev/x\"\nbaud = 12345", "baud"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := hw.CheckReader("pn532", options(tt.keys)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	plan, err := hw.CheckReader("pn532", options(`port = "/dev/x"`))
	if err != nil {
		t.Fatal(err)
	}
	if use := plan.Port(); use.Settings.Baud != 115200 || use.Protocol != "pn532" || use.Address != "" {
		t.Errorf("port: got %+v", use)
	}
	same, err := hw.CheckReader("pn532", options("port = \"/dev/x\"\nbaud = 115200\nhold_off = \"2s\""))
	if err != nil || !reflect.DeepEqual(plan, same) {
		t.Errorf("two plans of the same meaning differ, or %v", err)
	}
}
