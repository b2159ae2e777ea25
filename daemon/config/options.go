// Package config reads tilegate.toml: strict, with the line of every mistake
// and the nearest known key. It is the only importer of the TOML reader.
package config

import (
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
)

// Options is a settings file that was checked whole. Nothing was opened yet.
type Options struct {
	Path    string // of the file, for people
	Site    Site
	Kisi    *KisiOptions // nil: no [kisi]
	File    *FileOptions // nil: no [file]
	Sources []Source     // one for each of the above, checked
	Doors   []Door
	Metrics Metrics
	Control Control
	State   State
	Alert   Alert
	Log     Log
	// Secrets are the files that the settings name, whether they exist or not.
	Secrets []Secret
	// Warnings are what is allowed and probably not meant, in words.
	Warnings []string
}

// Site names the building.
type Site struct {
	ID   string
	Name string
	Zone *time.Location
}

// KisiOptions is what the daemon itself needs of [kisi]; the rest is the
// source's own.
type KisiOptions struct {
	Every time.Duration // between full syncs
}

// FileOptions is what the daemon itself needs of [file].
type FileOptions struct {
	Every time.Duration // between looks at the file
}

// Source is one source of rights, checked and not opened.
type Source struct {
	Name  string // kisi or file
	Every time.Duration
	Plan  cloud.Plan
}

// Door is one [[door]].
type Door struct {
	ID     string
	Name   string
	Lock   string // of the source, as in cloud.Deps.Doors: "kisi:2006"; empty: none
	Hold   time.Duration
	Policy access.Policy
	Reader hw.ReaderPlan // nil: none
	Strike hw.StrikePlan
}

// Metrics is where numbers are shown. An empty Listen is off.
type Metrics struct {
	Listen    string
	WebConfig string // an exporter-toolkit web-config file, for TLS and basic auth
}

// Control is where the operator's tool is heard.
type Control struct {
	ViewSocket    string
	OperateSocket string
}

// State is where the daemon keeps what it must not lose, and where secrets lie.
type State struct {
	Dir            string
	CredentialsDir string
}

// Alert is how troubles reach people without Prometheus.
type Alert struct {
	WebhookURLFile string // a file with the URL, which often is itself a secret
	HeartbeatFile  string // a file with the URL that is fetched while all is well
	HeartbeatEvery time.Duration
	Mail           *Mail // nil: none
	Patience       time.Duration
}

// Mail is how to send mail.
type Mail struct {
	Server       string // host:port; STARTTLS is demanded unless the host is loopback
	From         string
	To           []string
	User         string
	PasswordFile string
}

// Log is how the daemon speaks.
type Log struct {
	Level  string // error, warn, info, debug
	Format string // auto, plain, json, journal
}
