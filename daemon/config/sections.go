package config

import (
	"net"
	"net/mail"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checker turns the tables of a file into options and notes what is wrong.
type checker struct {
	document
	parts
	options *Options
}

func defaults() settings {
	return settings{
		Metrics: metricsTable{Listen: "127.0.0.1:9843"},
		Control: controlTable{ViewSocket: "/run/tilegated/view.sock", OperateSocket: "/run/tilegated/operate.sock"},
		State: stateTable{
			Dir:            firstSet(os.Getenv("STATE_DIRECTORY"), "/var/lib/tilegated"),
			CredentialsDir: firstSet(os.Getenv("CREDENTIALS_DIRECTORY"), "/etc/tilegate/credentials"),
		},
		Alert: alertTable{HeartbeatEvery: 5 * time.Minute, Patience: 2 * time.Minute},
		Log:   logTable{Level: "info", Format: "auto"},
	}
}

// firstSet is the first of a list of directories, as systemd gives one, or else
// the other.
func firstSet(list, other string) string {
	if first, _, _ := strings.Cut(list, ":"); first != "" {
		return first
	}
	return other
}

func (c *checker) check(file *settings) {
	c.site(&file.Site)
	c.state(&file.State)
	c.source("kisi", file.Kisi, 15*time.Minute, time.Minute)
	c.source("file", file.File, 10*time.Second, time.Second)
	if !file.Kisi.present() && !file.File.present() {
		c.blame("", `add [kisi] with api_key_file = "kisi-api-key", or [file] with path = "/etc/tilegate/roster.json"`,
			"no source of rights, so nobody could open a door")
	}
	c.doors(file)
	c.passes(&file.Pass, &file.SUN)
	c.openers()
	c.metrics(&file.Metrics)
	c.control(&file.Control)
	c.alert(&file.Alert)
	c.log(&file.Log)
}

// word is what may name a site or a door: it becomes a label, a file name and
// part of a command.
var word = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// name checks an id and says whether it can be used.
func (c *checker) name(key, id, example string) bool {
	switch {
	case id == "":
		c.blame(key, `add id = "`+example+`"`, "missing")
	case !word.MatchString(id):
		c.blame(key, "use small letters, digits and hyphens, at most 63 of them", "%q cannot be a name", id)
	default:
		return true
	}
	return false
}

func (c *checker) site(site *siteTable) {
	c.name("site.id", site.ID, "trastevere")
	c.options.Site = Site{ID: site.ID, Name: firstOf(site.Name, site.ID), Zone: time.UTC}
	switch site.TimeZone {
	case "":
		c.blame("site.time_zone", `add time_zone = "Europe/Rome", as it is where the doors are`, "missing")
		return
	case "Local":
		c.blame("site.time_zone", `name the zone, as in "Europe/Rome"`, "the zone of the machine is a guess")
		return
	}
	zone, err := time.LoadLocation(site.TimeZone)
	if err != nil {
		c.blame("site.time_zone", `use a name such as "Europe/Rome" or "America/New_York"`, "time zone %q is not known", site.TimeZone)
		return
	}
	c.options.Site.Zone = zone
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// source checks one source of rights, if the file has it.
func (c *checker) source(name string, t table, every, least time.Duration) {
	if !t.present() {
		return
	}
	own := sourceTable{Every: every}
	if t.has("every") {
		c.fillStruct(t.path, map[string]any{"every": t.keys["every"]}, settable(&own))
		c.within(t.path+".every", own.Every, least, 24*time.Hour)
	}
	c.secrets(t)
	before := len(c.mistakes)
	plan, err := c.parts.source(name, c.handOver(t.without("every")))
	c.blameAll(name, err, before)
	switch name {
	case "kisi":
		c.options.Kisi = &KisiOptions{Every: own.Every}
	case "file":
		c.options.File = &FileOptions{Every: own.Every}
	}
	c.options.Sources = append(c.options.Sources, Source{Name: name, Every: own.Every, Plan: plan})
}

func (c *checker) within(key string, d, least, most time.Duration) {
	if d < least || d > most {
		c.blame(key, "", "%s is not between %s and %s", short(d), short(least), short(most))
	}
}

// short is a duration without its idle zeros: 15m, not 15m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func (c *checker) metrics(metrics *metricsTable) {
	c.options.Metrics.Listen = metrics.Listen
	if file := metrics.WebConfigFile; file != "" {
		if !filepath.IsAbs(file) {
			file = filepath.Join(filepath.Dir(c.path), file)
		}
		if _, err := os.Stat(file); err != nil {
			c.blame("metrics.web_config_file", "it is the web configuration file of the Prometheus exporters", "%s cannot be used: %v", file, reason(err))
		}
		c.options.Metrics.WebConfig = file
	}
	if metrics.Listen == "" {
		return
	}
	host, ok := c.address("metrics.listen", metrics.Listen, "127.0.0.1:9843")
	if ok && !loopback(host) && metrics.WebConfigFile == "" {
		c.blame("metrics.listen", "add web_config_file with TLS and a password, or listen on 127.0.0.1",
			"the numbers say which door opens when, and %s shows them to the whole network", metrics.Listen)
	}
}

// address checks host:port and returns the host.
func (c *checker) address(key, address, example string) (string, bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		c.blame(key, `write host:port, as in "`+example+`"`, "%q has no port", address)
		return "", false
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		c.blame(key, `write host:port, as in "`+example+`"`, "%q is not a port between 0 and 65535", port)
		return "", false
	} else if n == 0 && key != "metrics.listen" {
		c.blame(key, "", "port 0 cannot be reached")
		return "", false
	}
	return host, true
}

// loopback says whether only this machine can reach an address. A name other
// than localhost may resolve to anything, so it does not count.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

func (c *checker) control(control *controlTable) {
	c.options.Control = Control(*control)
	for _, socket := range []struct{ key, path string }{
		{"control.view_socket", control.ViewSocket},
		{"control.operate_socket", control.OperateSocket},
	} {
		switch {
		case !filepath.IsAbs(socket.path):
			c.blame(socket.key, `as in "/run/tilegated/view.sock"`, "%q is not a full path", socket.path)
		case len(socket.path) > 107:
			c.blame(socket.key, "", "the path has %d bytes; a socket can have 107", len(socket.path))
		}
	}
	if filepath.Clean(control.ViewSocket) == filepath.Clean(control.OperateSocket) {
		c.blame("control.operate_socket", "give each its own path; who may look is not who may act", "the same path as view_socket")
	}
}

func (c *checker) state(state *stateTable) {
	c.options.State = State(*state)
	if !filepath.IsAbs(state.Dir) {
		c.blame("state.dir", "", "%q is not a full path", state.Dir)
	}
	if !filepath.IsAbs(state.CredentialsDir) {
		c.blame("state.credentials_dir", "", "%q is not a full path", state.CredentialsDir)
	}
}

func (c *checker) alert(alert *alertTable) {
	c.secretFile("alert.webhook_url_file", alert.WebhookURLFile)
	c.secretFile("alert.heartbeat_url_file", alert.HeartbeatURLFile)
	c.within("alert.heartbeat_every", alert.HeartbeatEvery, 10*time.Second, 24*time.Hour)
	c.within("alert.patience", alert.Patience, 0, time.Hour)
	c.options.Alert = Alert{
		WebhookURLFile: c.options.State.SecretPath(alert.WebhookURLFile),
		HeartbeatFile:  c.options.State.SecretPath(alert.HeartbeatURLFile),
		HeartbeatEvery: alert.HeartbeatEvery,
		Patience:       alert.Patience,
	}
	if alert.Mail != nil {
		c.mail(alert.Mail)
	}
}

func (c *checker) mail(box *mailTable) {
	c.address("alert.mail.server", box.Server, "mail.example.org:587")
	if _, err := mail.ParseAddress(box.From); err != nil {
		c.blame("alert.mail.from", "", "%q is not a mail address", box.From)
	}
	if len(box.To) == 0 {
		c.blame("alert.mail.to", `add to = ["facility@example.org"]`, "nobody to write to")
	}
	for i, to := range box.To {
		if _, err := mail.ParseAddress(to); err != nil {
			c.blame(element("alert.mail.to", i), "", "%q is not a mail address", to)
		}
	}
	if (box.User == "") != (box.PasswordFile == "") {
		c.blame("alert.mail", "give both, or neither for a server that asks for none", "user and password_file belong together")
	}
	c.secretFile("alert.mail.password_file", box.PasswordFile)
	c.options.Alert.Mail = &Mail{
		Server: box.Server, From: box.From, To: box.To, User: box.User,
		PasswordFile: c.options.State.SecretPath(box.PasswordFile),
	}
}

func (c *checker) log(log *logTable) {
	c.options.Log = Log(*log)
	c.oneOf("log.level", log.Level, "error", "warn", "info", "debug")
	c.oneOf("log.format", log.Format, "auto", "plain", "json", "journal")
}

func (c *checker) oneOf(key, value string, words ...string) {
	if !slices.Contains(words, value) {
		c.blame(key, "use "+strings.Join(words[:len(words)-1], ", ")+" or "+words[len(words)-1], "%q is not one of the choices", value)
	}
}
