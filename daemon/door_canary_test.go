package daemon

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
)

// The vector of PKOC, as published with its reference applications.
const (
	pkocKey   = "040ec5d87dc39d14a2c5480686da860c82b16be0b6903b525f84848b79fd463e32bbda1f0252c33503c5287035e6eac55d138d0650dcfb5281d59a9cf4124d2831"
	pkocProof = "6fcf5012b224043b09350a4fc5e56a8fb98613070c78010b04ed306d143f94ee6dc4eca2585b621405731fb3a53cd877a21685de18435da7cbcc38f1d926300a454efee3594cec5effe28c7feac03d7d"
)

// shapes are the ways in which a value might show: as it is, in hex, in base64.
func shapes(value string) []string {
	raw := []byte(value)
	return []string{
		strings.ToLower(value), strings.ToLower(hex.EncodeToString(raw)),
		strings.ToLower(base64.RawStdEncoding.EncodeToString(raw[:len(raw)/3*3])),
	}
}

// Whatever is shown and whatever becomes of it, in time, late, in vain or over
// and over: no value is in a log, an event, an answer, a number or a limit, nor in
// what a door that waits would show of itself.
func TestNoProofAndNoPINLeavesTheDoor(t *testing.T) { // R6
	proof, err := hex.DecodeString(pkocProof)
	if err != nil {
		t.Fatal(err)
	}
	const lonePIN, cardPIN = "908172635445", "736251948270"
	for _, house := range []struct {
		name   string
		change func(*access.Roster)
	}{{"a door", visitors}, {"a door that asks for a PIN", pinVisitors}} {
		t.Run(house.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, house.change)
				keeper := newMemoryKeeper()
				s.tiles[0].pad.limits = openLimits(t, keeper, 0)
				var seen strings.Builder
				s.log = hclog.New(&hclog.LoggerOptions{Output: &seen, Level: hclog.Trace})
				shown := []hw.Read{
					passNow(t),
					{Kind: access.QR, Value: sunURL},
					{Kind: access.SUN, Value: sunURL},
					{Kind: access.PKOC, Value: pkocKey, Proof: proof},
					{Kind: access.PKOC, Value: pkocKey, Proof: proof[:40]},
					cardRead("04a2b3c4d5e680"), digits(cardPIN), digits(lonePIN),
				}
				for _, trouble := range []error{nil, errors.New("no answer")} {
					for _, read := range shown {
						s.strike.err, read.At = trouble, time.Now()
						a := s.receive(t.Context(), s.heard(read), "desk")
						s.log.Trace("what there is", "read", read, "answer", a, "pad", fmt.Sprintf("%+v", s.tiles[0].pad))
						_, _ = fmt.Fprintf(&seen, "%+v %#v\n", read.Value, a.err)
					}
					s.journal.delay = time.Second // what follows is late
				}
				s.leave(t.Context())
				time.Sleep(5 * time.Second)
				_ = s.tiles[0].pad.limits.flush()
				numbers, err := s.reg.Gather()
				if err != nil {
					t.Fatal(err)
				}
				events, err := json.Marshal(s.journal.all)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = fmt.Fprintf(&seen, "%s\n%+v\n%+v\n%v\n%v", events, s.journal.all, s.journal.claims, numbers, keeper.all)
				all := strings.ToLower(seen.String())
				if len(s.journal.all) < 10 {
					t.Fatalf("only %d events: this is no test", len(s.journal.all))
				}
				for _, secret := range []string{
					string(shown[0].Value), "04de5f1eacc040", "ef963ff7828658a599f3041510671e88", "94eed9ee65337086",
					pkocKey, pkocKey[2:66], pkocProof[32:96], "04a2b3c4d5e680", lonePIN, cardPIN, string(proof[16:]),
				} {
					for _, shape := range shapes(secret) {
						if strings.Contains(all, shape) {
							t.Errorf("%q shows", shape)
						}
					}
				}
			})
		})
	}
}
