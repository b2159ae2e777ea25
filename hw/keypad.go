package hw

import (
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// Limits of a keypad.
const (
	longestPIN  = 12
	forgetAfter = 10 * time.Second // between two keys

	shortestPause = 500 * time.Millisecond // that may end a PIN
)

// The keys that are no digits, as their name says and as OSDP sends them
// (osdp_KEYPAD, SIA OSDP v2.2 §7.13).
const (
	keyHash, keyEnter   = '#', 0x0D
	keyStar, keyDelete  = '*', 0x7F
	firstDigit, lastKey = '0', '9'
)

// keypad makes PINs of keys. It is pure: keys and times in, reads out. '#' ends
// a PIN and '*' clears it. One goroutine may use it.
type keypad struct {
	// pause is the silence that ends a PIN as '#' does; 0: only '#' does.
	pause time.Duration

	digits []byte
	long   bool      // too many: what is pressed until the end counts for nothing
	last   time.Time // when the last key was pressed
}

// press takes keys that came at one time and returns the PINs that they ended,
// mostly none.
func (k *keypad) press(at time.Time, keys []byte) (reads []Read) {
	if read, ended := k.idle(at); ended {
		reads = append(reads, read)
	}
	for _, key := range keys {
		switch {
		case key == keyHash || key == keyEnter:
			if read, ended := k.end(at); ended {
				reads = append(reads, read)
			}
		case key == keyStar || key == keyDelete:
			k.clear()
		case key < firstDigit || key > lastKey: // a key that nobody explained
			continue
		case len(k.digits) == longestPIN:
			k.long = true
		default:
			k.digits = append(k.digits, key)
		}
		k.last = at
	}
	return reads
}

// idle tells what time it is while no key is pressed. After the pause it ends the
// PIN, and without one it forgets a half PIN after ten seconds: the member has
// gone, and the next must not begin with these digits.
func (k *keypad) idle(at time.Time) (read Read, ended bool) {
	silence := at.Sub(k.last)
	switch {
	case len(k.digits) == 0:
	case k.pause > 0 && k.pause < forgetAfter && silence >= k.pause:
		return k.end(k.last.Add(k.pause))
	case silence >= forgetAfter:
		k.clear()
	}
	return Read{}, false
}

// due is when idle has something to do; zero: never.
func (k *keypad) due() time.Time {
	if len(k.digits) == 0 {
		return time.Time{}
	}
	if k.pause > 0 {
		return k.last.Add(min(k.pause, forgetAfter))
	}
	return k.last.Add(forgetAfter)
}

// hole tells that a key may have been lost. What was begun is then unreadable: a
// PIN less a digit would cost the member a try.
func (k *keypad) hole() { k.long = len(k.digits) > 0 }

// end makes a read of what was pressed. Too many digits are unreadable, and
// never the first twelve of them.
func (k *keypad) end(at time.Time) (read Read, ended bool) {
	switch {
	case k.long:
		read, ended = Read{Kind: access.PIN, At: at, Fault: access.Unreadable}, true
	case len(k.digits) > 0:
		read, ended = Read{Kind: access.PIN, Value: Value(k.digits), At: at}, true
	}
	k.clear()
	return read, ended
}

func (k *keypad) clear() {
	clear(k.digits) // it may have been a PIN
	k.digits, k.long = k.digits[:0], false
}
