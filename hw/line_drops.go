package hw

import "sync/atomic"

// drop is why a frame was thrown away.
type drop uint8

// The closed set of drops of a line reader.
const (
	dropNoise    drop = iota // bytes before a start, once for each run of them
	dropEmpty                // an end right after a start or another end
	dropOversize             // longer than a frame may be
	dropTimeout              // began and did not end in time
	dropCut                  // a new start before the end, or begun before the port was opened
	dropLength               // says it has an impossible length
	dropCheck                // its check is wrong
	dropDecode               // is not what the settings say frames look like
	dropIgnored              // is what the settings say to ignore
	dropRepeat               // the credential is still in the field
	dropRate                 // more different credentials than a person can hold

	dropKinds
)

// dropWords is written once, here. They are metric labels.
var dropWords = [dropKinds]string{
	"noise", "empty", "oversize", "timeout", "cut", "length", "check", "decode", "ignored", "repeat", "rate",
}

// dropCounts counts drops. Any goroutine may look while one counts.
type dropCounts [dropKinds]atomic.Uint64

func (d *dropCounts) add(why drop) { d[why].Add(1) }

// byWord is a copy with every word in it, also those at zero.
func (d *dropCounts) byWord() map[string]uint64 {
	all := make(map[string]uint64, dropKinds)
	for i := range d {
		all[dropWords[i]] = d[i].Load()
	}
	return all
}
