package hw

import (
	"bytes"
	"strings"
)

// codeMark is where a text line shows the code that a member can read out.
const codeMark = "{code}"

// longestCode is the most of a code that is shown: it is read out to somebody.
const longestCode = 16

// lamp is what shows a notice. What a reader has no bytes of its own for is shown
// as the nearest thing it has: one card and ask the desk as a refusal, the rest
// not at all. A PIN that is asked for by a red lamp would never be typed.
func (o *dialogueOptions) lamp(notice Notice) []byte {
	var send octets
	switch notice.Signal {
	case SignalGranted:
		send = o.Granted
	case SignalRefused:
		send = o.Refused
	case SignalOneCard:
		send = firstOf(o.OneCard, o.Refused)
	case SignalAskDesk:
		send = firstOf(o.AskDesk, o.Refused)
	case SignalPIN:
		send = o.PIN
	case SignalReady:
		send = o.Ready
	case SignalOffline:
		send = o.Offline
	}
	return bytes.ReplaceAll(send, []byte(codeMark), []byte(printable(notice.Code)))
}

func firstOf(all ...octets) octets {
	for _, one := range all {
		if len(one) > 0 {
			return one
		}
	}
	return nil
}

// printable is a code as a text line may get it: a control character in it would be
// an order to the reader.
func printable(code string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, code)
	return plain[:min(len(plain), longestCode)]
}
