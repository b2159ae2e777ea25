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
// is dead or in critical trouble. It tells once, and tries until told.
type alerts struct {
	g      *gateway
	log    hclog.Logger
	client *http.Client
	mono   func() time.Duration
	told   map[string]control.Trouble // by code and subject, as last delivered
	beat   time.Duration              // monotonic, of the last heartbeat
	retry  time.Duration              // monotonic, not before this
	failed int
}

func newAlerts(g *gateway) *alerts {
	return &alerts{
		g: g, log: g.log.Named("alerts"), mono: g.clock.Mono, told: map[string]control.Trouble{},
		client: &http.Client{
			Timeout: 15 * time.Second,
			// A secret URL must not be sent on to another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
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
	message := a.message(settings, shown)
	if message == nil || a.mono() < a.retry {
		return
	}
	if err := a.deliver(ctx, settings, *message); err != nil {
		a.failed++
		a.retry = a.mono() + min(time.Duration(1<<min(a.failed, 8))*5*time.Second, 10*time.Minute)
		a.g.troubles.set(true, troubleAlertFailed, "", err.Error())
		if a.failed == 1 {
			a.log.Warn("nobody could be told of a trouble", "error", err)
		}
		return
	}
	a.failed = 0
	a.g.troubles.set(false, troubleAlertFailed, "", "")
	a.told = map[string]control.Trouble{}
	for _, trouble := range message.Troubles {
		a.told[trouble.Code+" "+trouble.Subject] = trouble
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
func worthTelling(t control.Trouble) bool {
	return t.Severity != note && t.Code != troubleAlertFailed
}

// message is what people do not know yet, or nil.
func (a *alerts) message(settings *config.Options, shown []control.Trouble) *alertMessage {
	if settings.Alert.WebhookURLFile == "" && settings.Alert.Mail == nil {
		return nil
	}
	now, _ := a.g.clock.now()
	m := alertMessage{Site: settings.Site.ID, Name: settings.Site.Name, At: now}
	open := map[string]bool{}
	for _, trouble := range shown {
		if !worthTelling(trouble) {
			continue
		}
		key := trouble.Code + " " + trouble.Subject
		_, known := a.told[key]
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
	for key, trouble := range a.told {
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

func (a *alerts) deliver(ctx context.Context, settings *config.Options, m alertMessage) error {
	var failures []error
	if file := settings.Alert.WebhookURLFile; file != "" {
		failures = append(failures, a.post(ctx, file, m))
	}
	if settings.Alert.Mail != nil {
		failures = append(failures, sendMail(ctx, settings, m))
	}
	return errors.Join(failures...)
}

func (a *alerts) post(ctx context.Context, file string, m alertMessage) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return a.call(ctx, "webhook", file, http.MethodPost, body)
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
