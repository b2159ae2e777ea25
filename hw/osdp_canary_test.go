package hw_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// Neither a card, a code, a PIN nor a key shows itself: not in the log at its most
// talkative, not in an error, not in Stats, not in any driver however it is printed.
func TestNothingThatAReaderKnowsShowsItself(t *testing.T) { // T-3
	t.Parallel()
	const code, pin = "TG1:CANARY+CODE 4711", "918273645519" // so long that no clock shows it by chance
	r, module := hwtest.NewOSDPReader(0), hwtest.NewOSDPReader(1)
	l := newRS485(t, r, module).power()
	module.SetKey(osdpKey)
	l.know(1)
	reader := l.open(0, "as = \"uid\"\ncodes = true\nrate = 100")
	lock, contact := l.strike(1, 0), l.input(1, 0)
	var said []string
	note := func(what any) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			said = append(said, fmt.Sprintf(verb, what))
		}
	}
	note(reader)
	awaits(t, "met", func() bool { return reader.Stats().Identity != "" })
	if err := reader.(hw.Pairer).Pair(t.Context(), func(step string) { said = append(said, step) }); err != nil {
		t.Fatal(err)
	}
	awaits(t, "up", func() bool { return reader.Stats().Up })
	_ = r.Show(cardA)
	_ = r.Show(code)
	r.PresentMaker([]byte(code))
	r.Press(pin + "#")
	r.Present([]byte{0xCA, 0xFE, 0xCA, 0xFE}, 31, 0) // and what cannot be used
	r.Press(pin[:9])                                 // half of one stays
	awaits(t, "told all", func() bool { return r.Idle() && reader.Stats().Frames >= 6 })
	for _, fault := range []hwtest.OSDPFault{hwtest.OSDPCardInClear, hwtest.OSDPCardUnsealed, hwtest.OSDPCorruptReply, hwtest.OSDPSequenceZero} {
		r.Break(hwtest.OSDPMishap{Fault: fault, Times: 1})
		_ = r.Show(cardB)
		awaits(t, "in order again", func() bool { return r.Idle() && r.Secure() && reader.Stats().Up })
	}
	note(lock.Pulse(t.Context(), time.Second))
	r.Reset()
	awaits(t, "alarm", func() bool { return !reader.Stats().Up })
	note(lock.Rest(t.Context()))
	kept, err := l.keys.Keys("port-tty-0")
	if err != nil || len(kept.Current) != 16 {
		t.Fatal("no key was kept")
	}
	for _, one := range []any{reader, lock, contact, reader.Stats(), lock.Stats(), contact.Stats(), kept, []any{reader, &reader}} {
		note(one)
	}
	plan, err := hw.CheckReader("osdp", l.options(0, "as = \"uid\""))
	note(plan)
	note(err)
	for read := range 4 {
		got, err := reader.Read(t.Context())
		if err != nil {
			t.Fatalf("read %d: %v", read, err)
		}
		note(got)
	}
	said = append(said, l.log.String())
	all := strings.ToLower(strings.Join(said, "\n"))
	if len(l.log.String()) < 100 || len(all) < 1000 {
		t.Fatal("nothing was said, so nothing was proved")
	}
	for name, secret := range map[string]string{
		"card": cardA, "other card": cardB, "code": code, "PIN": pin, "half of a PIN": pin[:9], "kept key": string(kept.Current),
		"module's key": string(osdpKey), "card that could not be used": "\xCA\xFE\xCA\xFE",
	} {
		raw := []byte(secret)
		if name == "card" || name == "other card" {
			raw, _ = hex.DecodeString(secret)
		}
		for _, form := range []string{secret, string(raw), hex.EncodeToString(raw), hex.EncodeToString([]byte(secret)), strings.Trim(fmt.Sprintf("%d", raw), "[]")} {
			if strings.Contains(all, strings.ToLower(form)) {
				at := strings.Index(all, strings.ToLower(form))
				t.Errorf("the %s shows itself: …%q…", name, all[max(0, at-80):at])
			}
		}
	}
}
