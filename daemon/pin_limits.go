package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
)

// How often a PIN may be wrong. A keypad has five tries and gets one back every
// three minutes. When none is left it compares nothing for a minute, and then has
// five again; each such wait within the hour is twice as long, up to 15 minutes.
// So nobody guesses more than 20 times an hour for long. Who does it more than 20
// times in one hour guesses no more: the keypad is switched off until a card
// opens or somebody of the staff switches it on.
const (
	pinTries      = 5
	pinTryBack    = 3 * time.Minute
	pinFirstWait  = time.Minute
	pinLastWait   = 15 * time.Minute
	pinMostAnHour = 20
	pinCardTries  = 5
	pinCardWait   = 15 * time.Minute
)

// keypadLimit is what wrong PINs have cost one keypad. It is pure: times are
// monotonic, and negative for what was before this start. The zero value has all
// its tries.
type keypadLimit struct {
	owed     time.Duration   // when all tries are back
	shut     time.Duration   // until when nothing is compared
	waits    int             // how often that was within the hour: each is longer
	wrong    []time.Duration // of the last hour, the oldest first
	disabled bool
}

func (k *keypadLimit) open(now time.Duration) bool { return !k.disabled && now >= k.shut }

// fail takes a wrong PIN, and says whether it was the one too many.
func (k *keypadLimit) fail(now time.Duration) (disabled bool) {
	k.wrong = slices.DeleteFunc(k.wrong, func(at time.Duration) bool { return now-at >= time.Hour })
	if len(k.wrong) == 0 {
		k.waits = 0
	}
	k.wrong = append(k.wrong, now)
	if k.owed = max(k.owed, now) + pinTryBack; k.owed-now > (pinTries-1)*pinTryBack {
		k.shut = now + min(pinFirstWait<<min(k.waits, 8), pinLastWait)
		k.owed = k.shut
		k.waits++
	}
	if len(k.wrong) > pinMostAnHour && !k.disabled {
		k.disabled = true
		return true
	}
	return false
}

// cardLimit is what wrong PINs have cost one card.
type cardLimit struct {
	wrong int
	shut  time.Duration
}

func (c *cardLimit) open(now time.Duration) bool { return now >= c.shut }

func (c *cardLimit) fail(now time.Duration) {
	if c.wrong >= pinCardTries {
		c.wrong = 0 // it was shut for that, and no longer is
	}
	if c.wrong++; c.wrong >= pinCardTries {
		c.shut = now + pinCardWait
	}
}

// keptLimit is either of them on disk. It has lengths of time and no times: what
// was left to wait when it was kept is left after a start, however long that
// took, so that neither a power cut nor a wrong clock shortens it.
type keptLimit struct {
	Owed     time.Duration   `json:"owed,omitzero"`
	Shut     time.Duration   `json:"shut,omitzero"`
	Waits    int             `json:"waits,omitzero"`
	Ago      []time.Duration `json:"ago,omitempty"`
	Disabled bool            `json:"disabled,omitzero"`
	Wrong    int             `json:"wrong,omitzero"`
}

// pinKeeper keeps the limits by subject; an empty state is forgotten.
type pinKeeper interface {
	PINLimits(ctx context.Context) (map[string]string, error)
	KeepPINLimits(limits map[string]string) error
}

// The subjects under which limits are kept.
const (
	keypadSubject = "tile "
	cardSubject   = "credential "
)

// pinLimits are the limits of all keypads and cards. Any goroutine may ask.
type pinLimits struct {
	keeper pinKeeper
	log    hclog.Logger
	wake   chan struct{}

	mu      sync.Mutex // guards all below; never held over the disk
	keypads map[string]*keypadLimit
	cards   map[string]*cardLimit
	unkept  map[string]string // subjects with their newest state
	kept    chan struct{}     // closed when these are on disk; nil: there are none
}

// newPINLimits takes up what the last run left, at a monotonic time. A state
// that cannot be understood is logged and left out: no door waits for it.
func newPINLimits(ctx context.Context, keeper pinKeeper, now time.Duration, log hclog.Logger) (*pinLimits, error) {
	l := &pinLimits{
		keeper: keeper, log: log, wake: make(chan struct{}, 1),
		keypads: map[string]*keypadLimit{}, cards: map[string]*cardLimit{}, unkept: map[string]string{},
	}
	states, err := keeper.PINLimits(ctx)
	if err != nil {
		return nil, err
	}
	for subject, state := range states {
		var kept keptLimit
		if err := json.Unmarshal([]byte(state), &kept); err != nil {
			log.Warn("what wrong PINs have cost cannot be read", "subject", subject, "error", err)
			continue
		}
		l.restore(subject, kept, now)
	}
	return l, nil
}

func (l *pinLimits) restore(subject string, kept keptLimit, now time.Duration) {
	if name, ok := strings.CutPrefix(subject, keypadSubject); ok {
		k := &keypadLimit{owed: now + kept.Owed, shut: now + kept.Shut, waits: kept.Waits, disabled: kept.Disabled}
		for _, ago := range kept.Ago {
			k.wrong = append(k.wrong, now-ago)
		}
		l.keypads[name] = k
	} else if name, ok := strings.CutPrefix(subject, cardSubject); ok {
		l.cards[name] = &cardLimit{wrong: kept.Wrong, shut: now + kept.Shut}
	}
}

// cardName names a credential in the limits: its whole digest, which is the same
// however a card was read. A tag that is read as a card has no tries of its own.
func cardName(c access.Credential) string { return c.Digest.String() }

// keypadOpen says whether digits from this keypad are compared at all.
func (l *pinLimits) keypadOpen(keypad string, now time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.keypads[keypad]
	return !ok || k.open(now)
}

// keypadFailed takes digits that opened nothing. It says whether the keypad was
// switched off by them, and what is closed when that is on disk.
func (l *pinLimits) keypadFailed(keypad string, now time.Duration) (disabled bool, kept <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.keypads[keypad]
	if !ok {
		k = &keypadLimit{}
		l.keypads[keypad] = k
	}
	disabled = k.fail(now)
	return disabled, l.keep(keypadSubject+keypad, k.keep(now))
}

// enable switches a keypad on again, for a card that opened or for somebody of
// the staff. The tries it has used stay used. It says whether it was off.
func (l *pinLimits) enable(keypad string, now time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.keypads[keypad]
	if !ok || !k.disabled {
		return false
	}
	k.disabled = false
	l.keep(keypadSubject+keypad, k.keep(now))
	return true
}

// off says whether a keypad is switched off, for whoever tells people.
func (l *pinLimits) off(keypad string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.keypads[keypad]
	return ok && k.disabled
}

// cardOpen says whether a PIN is compared for this card at all.
func (l *pinLimits) cardOpen(c access.Credential, now time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	limit, ok := l.cards[cardName(c)]
	return !ok || limit.open(now)
}

// tryCard says what a PIN beside a card is worth, in one step with what it
// costs: who shows the same card at two doors at once gets no try for nothing.
func (l *pinLimits) tryCard(c access.Credential, right bool, now time.Duration) (access.PINState, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := cardName(c)
	limit, ok := l.cards[name]
	switch {
	case ok && !limit.open(now):
		return access.PINBlocked, nil
	case right && ok:
		delete(l.cards, name)
		l.keep(cardSubject+name, "")
		return access.PINRight, nil
	case right:
		return access.PINRight, nil
	case !ok:
		limit = &cardLimit{}
		l.cards[name] = limit
	}
	limit.fail(now)
	return access.PINFailed, l.keep(cardSubject+name, encode(keptLimit{Shut: max(limit.shut-now, 0), Wrong: limit.wrong}))
}

func (k *keypadLimit) keep(now time.Duration) string {
	kept := keptLimit{Owed: max(k.owed-now, 0), Shut: max(k.shut-now, 0), Waits: k.waits, Disabled: k.disabled}
	for _, at := range k.wrong {
		kept.Ago = append(kept.Ago, now-at)
	}
	return encode(kept)
}

func encode(kept keptLimit) string {
	text, err := json.Marshal(kept)
	if err != nil {
		panic(fmt.Sprintf("numbers and lengths of time are always JSON: %v", err))
	}
	return string(text)
}

// keep has run write a state. The caller holds mu.
func (l *pinLimits) keep(subject, state string) <-chan struct{} {
	l.unkept[subject] = state
	if l.kept == nil {
		l.kept = make(chan struct{})
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return l.kept
}

// run writes what changed, until ctx ends, and then once more. A disk that
// fails is tried again every second; nobody waits for it.
func (l *pinLimits) run(ctx context.Context) error {
	for {
		var again <-chan time.Time
		if err := l.flush(); err != nil {
			l.log.Error("what wrong PINs have cost would be forgotten by a restart", "error", err)
			again = time.After(time.Second)
		}
		select {
		case <-l.wake:
		case <-again:
		case <-ctx.Done():
			return l.flush()
		}
	}
}

// flush writes what is not on disk yet.
func (l *pinLimits) flush() error {
	l.mu.Lock()
	states, kept := l.unkept, l.kept
	l.unkept, l.kept = map[string]string{}, nil
	l.mu.Unlock()
	if len(states) == 0 {
		return nil
	}
	err := l.keeper.KeepPINLimits(states)
	if err != nil {
		l.mu.Lock()
		maps.Copy(states, l.unkept) // what is newer has the word
		l.unkept = states
		l.mu.Unlock()
	}
	if kept != nil {
		close(kept)
	}
	return err
}
