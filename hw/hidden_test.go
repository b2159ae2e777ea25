package hw_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// canaries are what must be seen nowhere, in the ways in which it may be written.
func canaries(values ...string) (all []string) {
	for _, value := range values {
		raw := []byte(value)
		numbers := strings.Trim(fmt.Sprintf("%d", raw), "[]")
		all = append(all, value, strings.ToUpper(value), hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)), numbers)
	}
	return all
}

func TestReadShowsNeitherValueNorProof(t *testing.T) { // R6
	read := hw.Read{Kind: access.PKOC, Value: "CANARY-VALUE", Proof: []byte("CANARY-PROOF")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		for _, what := range []any{read, &read, read.Value, read.Proof, []hw.Read{read}, fmt.Errorf("a read: "+verb, read)} {
			shown := fmt.Sprintf(verb, what)
			for _, canary := range canaries("CANARY-VALUE", "CANARY-PROOF") {
				if strings.Contains(shown, canary) {
					t.Errorf("%s of a %T shows it: %s", verb, what, shown)
				}
			}
		}
	}
	said, err := json.Marshal(read)
	if err != nil || strings.Contains(string(said), "CANARY") || strings.Contains(string(said), "Q0FOQVJZ") {
		t.Errorf("json: got %s, %v", said, err)
	}
}

// Whatever goes wrong between: the log of everything has no part of a card.
func TestPN532LogsNothingOfACard(t *testing.T) { // R6
	t.Parallel()
	pty := hwtest.NewPTY(t)
	chip := hwtest.NewPN532(pty.Master)
	power(t, chip.Run)
	plan, err := hw.CheckReader("pn532", options(fmt.Sprintf("port = %q", pty.Path())))
	if err != nil {
		t.Fatal(err)
	}
	log := &logged{}
	r, err := plan.Open(hw.NewLines(hw.Host{}), hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: log}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	reads := watched(t, r)
	await(t, "up", func() bool { return r.Stats().Up })
	secrets := []string{"04A1B2C3D4E5F6", "CANARY TEXT", "922E5832"}
	for _, tag := range []hwtest.Tag{
		hwtest.NewType4("04A1B2C3D4E5F6", hwtest.NDEFText("en", "CANARY TEXT")), hwtest.NewMifareClassic("922E5832"), hwtest.NewPKOCCard("04AAAAAAAAAAAA", nil),
	} {
		for _, fault := range []hwtest.PN532Fault{hwtest.PN532NoACK, hwtest.PN532WrongChecksum, hwtest.PN532Truncated, hwtest.PN532ErrorFrame} {
			chip.Fail(fault, 1)
		}
		chip.Put(tag)
		read := next(t, reads)
		secrets = append(secrets, string(read.Value))
		chip.Take(tag)
		from := chip.Commands(codeList)
		await(t, "looks", func() bool { return chip.Commands(codeList) >= from+3 })
	}
	text := log.String()
	if !strings.Contains(text, "reader failed") {
		t.Error("nothing was logged")
	}
	for _, canary := range canaries(secrets...) {
		if canary != "" && strings.Contains(text, canary) {
			t.Errorf("the log has part of a card:\n%s", text)
		}
	}
}
