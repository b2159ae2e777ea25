package main

import (
	"bufio"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

// asking is the flags of a question about a tap.
type asking struct {
	question control.Question
	at       string
	who      []string // the flags that say who or what taps
}

func (a *asking) addFlags(cmd *cobra.Command, t *tool) {
	a.who = []string{"card", "code"}
	cmd.Flags().StringVar(&a.question.Card, "card", "", "the card: its `UID` in hex, or \"-\" to read it from standard input")
	cmd.Flags().StringVar(&a.question.Code, "code", "", "the code: its `TEXT`, or \"-\" to read it from standard input")
	cmd.Flags().StringVar(&a.question.Door, "door", "", "the `DOOR`")
	t.completes(cmd, "door", t.completeDoorFlag)
}

// addPerson lets the question be about a person, who cannot be held to a tile.
func (a *asking) addPerson(cmd *cobra.Command) {
	a.who = append(a.who, "person")
	cmd.Flags().StringVar(&a.question.Person, "person", "", "the person: `NAME`, mail or id")
}

// addEvent lets the question be about a tap that was.
func (a *asking) addEvent(cmd *cobra.Command) {
	a.who = append(a.who, "event")
	cmd.Flags().StringVar(&a.question.Event, "event", "", "the tap that was: its `NUMBER`, its id or its code")
}

// addPresence lets a question be about somebody who does not hold a card to a tile.
func (t *tool) addPresence(cmd *cobra.Command, into *access.Presence) {
	cmd.Flags().TextVar(into, "presence", access.AtReader, "from `WHERE`: reader, near (a phone at the tile) or remote")
	t.completes(cmd, "presence", cobra.FixedCompletions([]cobra.Completion{"reader", "near", "remote"}, cobra.ShellCompDirectiveNoFileComp))
}

// read checks the flags and makes the question. A card or a code is never
// repeated in an error.
func (a *asking) read(cmd *cobra.Command, t *tool) (control.Question, error) {
	q := a.question
	given := 0
	for _, who := range a.who {
		if cmd.Flags().Changed(who) {
			given++
		}
	}
	if given != 1 {
		return q, wrong(cmd, "say who taps: exactly one of --%s", strings.Join(a.who, ", --"))
	}
	if cmd.Flags().Changed("event") {
		for _, other := range []string{"door", "at", "presence"} {
			if cmd.Flags().Changed(other) {
				return q, wrong(cmd, "an event knows its door, its time and its presence: leave --%s away", other)
			}
		}
	} else if q.Door == "" {
		return q, wrong(cmd, "say which door: --door DOOR")
	}
	for _, value := range []*string{&q.Card, &q.Code} {
		if *value != "-" {
			continue
		}
		line, err := firstLine(t.in)
		if err != nil {
			return q, err
		}
		*value = line
	}
	if q.Person == "" && q.Card == "" && q.Code == "" && q.Event == "" {
		return q, wrong(cmd, "the one who taps is empty")
	}
	if q.Card != "" {
		uid, err := readUID(q.Card)
		if err != nil {
			return q, wrong(cmd, "--card: %v", err)
		}
		q.Card = uid
	}
	return q, nil
}

// firstLine reads one line without its end.
func firstLine(from io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(from, 8<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// readUID takes a UID as labels and other tools print it, as "04:A2:B3:C4",
// and returns lower-case hex.
func readUID(text string) (string, error) {
	uid := strings.ToLower(strings.NewReplacer(":", "", "-", "", " ", "").Replace(text))
	uid = strings.TrimPrefix(uid, "0x")
	raw, err := hex.DecodeString(uid)
	if err != nil || len(raw) == 0 || len(raw) > 32 {
		return "", errors.New("not a UID in hex, as 04A2B3C4D5E680")
	}
	return uid, nil
}
