package main

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
	"time"
)

// figure reports one line of `make bench`: what it is and the unit. A dash in
// the unit would cut it in two.
func figure(b *testing.B, value float64, what, unit string) {
	b.Helper()
	b.ReportMetric(0, "ns/op") // of no meaning where one run is many taps
	b.ReportMetric(value, what+"-"+unit)
}

// part is the value below which so much of the sorted rest lies.
func part(sorted []time.Duration, share float64) time.Duration {
	return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return part(all, 0.5)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// progress tells a person who waits; figures go to standard output.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}
