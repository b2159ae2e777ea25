// Package config reads tilegate.toml: strict, with the line of every mistake
// and the nearest known key. It is the only importer of the TOML reader.
package config

import (
	"crypto/ed25519"
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
	Inputs  []Input
	Issuers []Issuer // of signed passes
	SUN     SUN
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
	ID           string
	Name         string
	Lock         string // of the source, as in cloud.Deps.Doors: "kisi:2006"; empty: none
	Hold         time.Duration
	ExtendedHold time.Duration // for people who need longer; at least Hold
	RelockOnOpen bool          // end the pulse when the contact says that the door opened
	ForcedAlarm  bool          // an opening that nobody let happen is an alarm; only with a contact
	Interior     bool          // it is no way out of the building
	HeldAfter    time.Duration // how long the door may stand open
	HeldWarning  time.Duration // how long before that the tile warns
	// UnlockSchedules has the door stand open for everybody in its unlock hours.
	UnlockSchedules bool
	UnlockUnsaid    bool // the settings do not say whether it should
	Policy          access.Policy
	Readers         []Reader // none: the door opens only from elsewhere
	Strike          hw.StrikePlan
	Contact         hw.InputPlan // active: the door is open; nil: none
	ExitButton      hw.InputPlan // active: somebody goes out; nil: none
	Tamper          hw.InputPlan // active: somebody is at the wiring; nil: none
}

// Reader is a tile of a door.
type Reader struct {
	Name  string // in, out, qr: a label
	Plan  hw.ReaderPlan
	Power hw.StrikePlan // a relay whose pulse takes the power from the tile; nil: none
}

// Role is what an input of the site is for.
type Role string

// The roles. All of them are only watched: what must happen in a fire happens in
// hardware.
const (
	RoleFire      Role = "fire"       // the fire panel has freed the doors
	RoleMainsFail Role = "mains_fail" // the supply runs on its battery
	RoleBattery   Role = "battery"    // the battery of the supply is low or gone
	RoleEnclosure Role = "enclosure"  // the gateway's box is open
	RoleTamper    Role = "tamper"     // any other tamper circuit
)

// Input is one [[input]]: a circuit of the site.
type Input struct {
	ID   string
	Name string
	Role Role
	Plan hw.InputPlan
}

// Issuer is who signs passes.
type Issuer struct {
	Name string
	Key  ed25519.PublicKey
}

// SUN is where the keys of NTAG 424 tags lie; empty: such tags are not known.
type SUN struct {
	MetaKeyFile string // 16 bytes in hex: decrypts the UID and the counter
	MACKeyFile  string // 16 bytes in hex: proves them
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
