package wiegand

import (
	"maps"
	"slices"
)

// format says how the bits of a card are cut. Bits are counted from 0, the one
// that is sent first.
type format struct {
	name   string // in values; formats that two makers name differently share it
	bits   int
	fields []field // in the order in which a value names them
	parity []parity
	// bare is set where readers are known to send the number alone as well,
	// without the parity bits around it.
	bare bool
}

// field is a number in a card.
type field struct{ from, to int }

// parity is a bit that makes the count of ones in it and in what it covers even
// or odd.
type parity struct {
	bit    int
	odd    bool
	covers []int
}

func even(bit int, covers []int) parity { return parity{bit: bit, covers: covers} }

func odd(bit int, covers []int) parity { return parity{bit: bit, odd: true, covers: covers} }

// run is the bits from one to another, both included.
func run(from, to int) []int {
	var all []int
	for bit := from; bit <= to; bit++ {
		all = append(all, bit)
	}
	return all
}

// pairs is the bits from one to another, both included, less every third.
func pairs(from, to int) []int {
	return slices.DeleteFunc(run(from, to), func(bit int) bool { return (bit-from)%3 == 2 })
}

// formats is never written to. The cuts and parity rules of all are public, as
// HID's "Understanding Card Data Formats" and reader makers' manuals draw them;
// those of Corporate 1000 and of Keyscan were never published by their owners
// and are as everybody who reads such cards has found them.
var formats = map[string]format{
	// HID, 26 bits, the one format whose length names it.
	"h10301": {
		name: "h10301", bits: 26, fields: []field{{1, 8}, {9, 24}},
		parity: []parity{even(0, run(1, 12)), odd(25, run(13, 24))},
	},
	// HID, 33 bits (D10202): the halves overlap in one bit.
	"d10202": {
		name: "d10202", bits: 33, fields: []field{{1, 7}, {8, 31}},
		parity: []parity{even(0, run(1, 16)), odd(32, run(16, 31))},
	},
	// HID, 34 bits with a facility code of 16.
	"h10306": {
		name: "h10306", bits: 34, fields: []field{{1, 16}, {17, 32}},
		parity: []parity{even(0, run(1, 16)), odd(33, run(17, 32))},
	},
	// HID Corporate 1000 of 35 bits. Its first bit covers the others, so it
	// stands last here.
	"corporate1000-35": {
		name: "corporate1000-35", bits: 35, fields: []field{{2, 13}, {14, 33}},
		parity: []parity{even(1, pairs(2, 33)), odd(34, pairs(1, 32)), odd(0, run(1, 34))},
	},
	// Keyscan, 36 bits: number of the maker's customer, facility, card.
	"c15001": {
		name: "c15001", bits: 36, fields: []field{{1, 10}, {11, 18}, {19, 34}},
		parity: []parity{even(0, run(1, 17)), odd(35, run(18, 34))},
	},
	// HID, 37 bits without a facility code. The halves overlap in one bit.
	"h10302": {
		name: "h10302", bits: 37, fields: []field{{1, 35}},
		parity: []parity{even(0, run(1, 18)), odd(36, run(18, 35))},
	},
	// HID, 37 bits with one.
	"h10304": {
		name: "h10304", bits: 37, fields: []field{{1, 16}, {17, 35}},
		parity: []parity{even(0, run(1, 18)), odd(36, run(18, 35))},
	},
	"corporate1000-48": corporate48,
	// The name that HID has for it, and Kisi.
	"h2004064": corporate48,

	// EM4100 chips, of which readers send the low 24 or 32 bits, mostly
	// between the parity bits of H10301 or H10306.
	"em410x-26": {
		name: "em410x-26", bits: 26, fields: []field{{1, 8}, {9, 24}}, bare: true,
		parity: []parity{even(0, run(1, 12)), odd(25, run(13, 24))},
	},
	"em410x-32-34": {
		name: "em410x-32-34", bits: 34, fields: []field{{1, 32}}, bare: true,
		parity: []parity{even(0, run(1, 16)), odd(33, run(17, 32))},
	},
}

// corporate48 is HID Corporate 1000 of 48 bits; it is never written to.
var corporate48 = format{
	name: "corporate1000-48", bits: 48, fields: []field{{2, 23}, {24, 46}},
	parity: []parity{even(1, pairs(3, 46)), odd(47, pairs(2, 45)), odd(0, run(1, 47))},
}

// Raw is the format of cards whose cut is not known: all their bits are the
// value.
const Raw = "raw"

// Formats lists the names that Decode knows, Raw included.
func Formats() []string {
	return append(slices.Sorted(maps.Keys(formats)), Raw)
}

// Known says whether Decode knows a name that is not empty.
func Known(name string) bool {
	_, ok := formats[name]
	return ok || name == Raw
}

// Bits is how many bits a card of a format has with its parity; 0 for Raw,
// which has any number, and for names that are not known.
func Bits(name string) int { return formats[name].bits }

// ByLength is the format that a card of so many bits has where only one is in
// use, and Raw where there are several: of 34 bits alone there are more than a
// hundred.
func ByLength(bits int) string {
	if bits == formats["h10301"].bits {
		return "h10301"
	}
	return Raw
}
