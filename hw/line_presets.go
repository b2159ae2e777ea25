package hw

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// preset is a reader known by name. Its vectors are what the maker's documents
// print, or follow from them; they are run by tests and before use. What is
// marked "not yet tried on hardware" is from documents alone.
type preset struct {
	baud     int // as it is delivered
	layout   layout
	dialogue dialogueOptions
	vectors  []vector
	// variants are other ways in which the same reader can be set, by name.
	variants map[string]preset
}

// vector is what a reader sends and what that means.
type vector struct {
	In   octets `toml:"in"`
	Want string `toml:"want"` // "card 04a2b3c4", "qr HELLO" or "drop check"
}

// linePresets is never written to.
var linePresets = map[string]preset{
	"qr":          plainScanner,
	"honeywell":   honeywell,
	"zebra-ascii": zebraASCII,
	"newland":     newland,
	"datalogic":   datalogic,
	"gm65":        gm65,
	"de2120":      de2120,
	"hex-cr":      hexReader,
	"twn4-text":   twn4Text,
	"rdm6300":     rdm6300,
	"em18":        em18,
	"promag-mf7":  promagMF7,
	"idtronic":    idtronic,
	"rfideas":     rfIdeas,
}

func presetNames() []string { return sortedNames(linePresets) }

// everyPreset is all presets and their variants, as "idtronic" and
// "idtronic/d10".
func everyPreset() map[string]preset {
	all := map[string]preset{}
	for name, p := range linePresets {
		all[name] = p
		for variant, v := range p.variants {
			v.baud = p.baud
			all[name+"/"+variant] = v
		}
	}
	return all
}

// SelfTestPresets runs the vectors of every preset of the line reader, in all
// its variants. It touches no hardware.
func SelfTestPresets() []error {
	var all []error
	presets := everyPreset()
	for _, name := range sortedNames(presets) {
		p := presets[name]
		if err := errors.Join(p.layout.validate(), p.dialogue.check()); err != nil {
			all = append(all, fmt.Errorf("preset %s: %w", name, err))
			continue
		}
		for _, v := range p.vectors {
			if err := v.run(p.layout); err != nil {
				all = append(all, fmt.Errorf("preset %s: %w", name, err))
			}
		}
	}
	return all
}

// run sends the bytes through a fresh decoder.
func (v vector) run(l layout) error {
	d := newLineDecoder(l)
	at := time.Unix(0, 0)
	got := slices.Clone(d.feed(at, v.In))
	got = append(got, d.idle(at.Add(time.Minute))...)
	var said string
	switch {
	case len(got) == 1 && got[0].ok:
		said = got[0].kind.String() + " " + string(got[0].value)
	case len(got) > 1:
		said = fmt.Sprintf("%d results", len(got))
	default:
		said = "drop " + strings.Join(d.dropped(), " ")
	}
	if said != v.Want {
		return fmt.Errorf("% X: got %q, want %q", []byte(v.In), said, v.Want)
	}
	return nil
}
