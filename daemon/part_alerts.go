package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/cloud/secret"
	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/daemon/control"
)

// alerts tells people about troubles without Prometheus: a webhook and mail
// when a trouble begins and ends, and a heartbeat that stops when the gateway
// is dead or in critical trouble. Each way tells once, and tries until it told.
type alerts struct {
	g      *gateway
	log    hclog.Logger
	client *http.Client
	mono   func() time.Duration
	ways   []*way
	beat   time.Duration // monotonic, of the last heartbeat
}

// way is one way to tell people. What one has told is nothing to the other.
type way struct {
	name   string
	wanted func(config.Alert) bool
	send   func(ctx context.Context, settings *config.Options, m alertMessage) error

	told   map[string]control.Trouble // by code and subject, as last delivered
	retry  time.Duration              // monotonic, not before this
	failed int
}

func newAlerts(g *gateway) *alerts {
	a := &alerts{
		g: g, log: g.log.Named("alerts"), mono: g.clock.Mono,
		client: &http.Client{
			Timeout: 15 * time.Second,
			// A secret URL must not be sent on to another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	a.ways = []*way{
		{name: "webhook", wanted: func(o config.Alert) bool { return o.WebhookURLFile != "" }, send: a.post},
		{name: "mail", wanted: func(o config.Alert) bool { return o.Mail != nil }, send: sendMail},
	}
	return a
}

func (a *alerts) run(ctx context.Context) error {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		a.round(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (a *alerts) round(ctx context.Context) {
	settings := a.g.inForce()
	shown := a.g.troubles.shown()
	a.heartbeat(ctx, settings, shown)
	for _, w := range a.ways {
		if !w.wanted(settings.Alert) {
			a.g.troubles.set(false, troubleAlertFailed, w.name, "")
			continue
		}
		if message := a.message(w, settings, shown); message != nil && a.mono() >= w.retry {
			a.tell(ctx, w, settings, *message)
		}
	}
}

// tell sends a message one way, or puts on the board that it could not.
func (a *alerts) tell(ctx context.Context, w *way, settings *config.Options, m alertMessage) {
	err := w.send(ctx, settings, m)
	a.g.troubles.set(err != nil, troubleAlertFailed, w.name, errWords(err))
	if err != nil {
		w.failed++
		w.retry = a.mono() + min(time.Duration(1<<min(w.failed, 8))*5*time.Second, 10*time.Minute)
		if w.failed == 1 {
			a.log.Warn("nobody could be told of a trouble", "way", w.name, "error", err)
		}
		return
	}
	w.failed, w.told = 0, map[string]control.Trouble{}
	for _, trouble := range m.Troubles {
		w.told[trouble.Code+" "+trouble.Subject] = trouble
	}
}

// alertMessage is what is sent: everything that is wrong, and what changed.
type alertMessage struct {
	Site     string            `json:"site"`
	Name     string            `json:"name"`
	At       time.Time         `json:"at"`
	Began    []control.Trouble `json:"began"`
	Ended    []control.Trouble `json:"ended"`
	Troubles []control.Trouble `json:"troubles"`
}

// worthTelling leaves out what cannot be told by the very way that is broken.
func (w *way) worthTelling(t control.Trouble) bool {
	return t.Severity != note && (t.Code != troubleAlertFailed || t.Subject != w.name)
}

// message is what people do not know yet by this way, or nil.
func (a *alerts) message(w *way, settings *config.Options, shown []control.Trouble) *alertMessage {
	now, _ := a.g.clock.now()
	m := alertMessage{Site: settings.Site.ID, Name: settings.Site.Name, At: now}
	open := map[string]bool{}
	for _, trouble := range shown {
		if !w.worthTelling(trouble) {
			continue
		}
		key := trouble.Code + " " + trouble.Subject
		_, known := w.told[key]
		// One that began in the future did so by a clock that was wrong then.
		if age := now.Sub(trouble.Since); !known && age >= 0 && age < settings.Alert.Patience {
			continue
		}
		open[key] = true
		m.Troubles = append(m.Troubles, trouble)
		if !known {
			m.Began = append(m.Began, trouble)
		}
	}
	for key, trouble := range w.told {
		if !open[key] {
			m.Ended = append(m.Ended, trouble)
		}
	}
	slices.SortFunc(m.Ended, func(x, y control.Trouble) int { return strings.Compare(x.Code+x.Subject, y.Code+y.Subject) })
	if len(m.Began)+len(m.Ended) == 0 {
		return nil
	}
	return &m
}

func (a *alerts) post(ctx context.Context, settings *config.Options, m alertMessage) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return a.call(ctx, "webhook", settings.Alert.WebhookURLFile, http.MethodPost, body)
}

// call sends one request to a secret URL. No error shows the URL.
func (a *alerts) call(ctx context.Context, what, file, method string, body []byte) error {
	address, err := secret.Read(file)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: the file %s does not hold a URL", what, file)
	}
	request.Header.Set("User-Agent", "tilegate/"+a.g.options.Version)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := a.client.Do(request)
	if err != nil {
		if full, ok := errors.AsType[*url.Error](err); ok {
			err = full.Err // the whole one shows the URL
		}
		return fmt.Errorf("%s: %w", what, err)
	}
	defer response.Body.Close() //nolint:errcheck // nothing was read
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s: answered %s", what, response.Status)
	}
	return nil
}

// heartbeat is sent while all is well. Who watches it learns of a dead box, of
// a cut line, and of a critical trouble that nobody else could tell.
func (a *alerts) heartbeat(ctx context.Context, settings *config.Options, shown []control.Trouble) {
	file, every := settings.Alert.HeartbeatFile, settings.Alert.HeartbeatEvery
	now := a.mono()
	if file == "" || (a.beat != 0 && now-a.beat < every) {
		return
	}
	if slices.ContainsFunc(shown, func(t control.Trouble) bool { return t.Severity == critical }) {
		return
	}
	a.beat = max(now, 1)
	if err := a.call(ctx, "heartbeat", file, http.MethodGet, nil); err != nil {
		a.log.Debug("the heartbeat was not heard", "error", err)
	}
}
