package config

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// settings is the whole file. Tables of type table belong to a driver or a
// source, which decodes them itself.
type settings struct {
	Site    siteTable    `toml:"site"`
	Kisi    table        `toml:"kisi"`
	File    table        `toml:"file"`
	Doors   []table      `toml:"door"`
	Inputs  []table      `toml:"input"`
	Pass    passTable    `toml:"pass"`
	SUN     sunTable     `toml:"sun"`
	Metrics metricsTable `toml:"metrics"`
	Control controlTable `toml:"control"`
	State   stateTable   `toml:"state"`
	Alert   alertTable   `toml:"alert"`
	Log     logTable     `toml:"log"`
}

type siteTable struct {
	ID       string `toml:"id"`
	Name     string `toml:"name"`
	TimeZone string `toml:"time_zone"`
}

// sourceTable is what every source has, beside its own keys.
type sourceTable struct {
	Every time.Duration `toml:"every"`
}

type doorTable struct {
	ID               string            `toml:"id"`
	Name             string            `toml:"name"`
	KisiLock         *int64            `toml:"kisi_lock"`
	Hold             time.Duration     `toml:"hold"`
	ExtendedHold     time.Duration     `toml:"extended_hold"`
	MinimumAssurance *access.Assurance `toml:"minimum_assurance"`
	AskPIN           bool              `toml:"ask_pin"`
	HighSecurity     bool              `toml:"high_security"`
	Residential      bool              `toml:"residential"`
	Interior         bool              `toml:"interior"`
	RelockOnOpen     bool              `toml:"relock_on_open"`
	ForcedAlarm      *bool             `toml:"forced_alarm"`
	HeldAfter        time.Duration     `toml:"held_after"`
	HeldWarning      time.Duration     `toml:"held_warning"`
	UnlockSchedules  *bool             `toml:"unlock_schedules"`
	Passback         time.Duration     `toml:"passback"`
	PassbackRefuses  bool              `toml:"passback_refuses"`
	Reader           tables            `toml:"reader"`
	Strike           table             `toml:"strike"`
	Contact          table             `toml:"contact"`
	ExitButton       table             `toml:"exit_button"`
	Tamper           table             `toml:"tamper"`
}

// readerTable is what every reader of a door has, beside its driver's keys.
type readerTable struct {
	Name  string `toml:"name"`
	Power table  `toml:"power"`
}

// inputTable is what every input of the site has, beside its device.
type inputTable struct {
	ID     string `toml:"id"`
	Name   string `toml:"name"`
	Role   string `toml:"role"`
	Device table  `toml:"device"`
}

type passTable struct {
	Issuers []issuerTable `toml:"issuer"`
}

type issuerTable struct {
	Name      string `toml:"name"`
	PublicKey string `toml:"public_key"`
}

type sunTable struct {
	MetaKeyFile string `toml:"meta_key_file"`
	MACKeyFile  string `toml:"mac_key_file"`
}

type metricsTable struct {
	Listen        string `toml:"listen"`
	WebConfigFile string `toml:"web_config_file"`
}

type controlTable struct {
	ViewSocket    string `toml:"view_socket"`
	OperateSocket string `toml:"operate_socket"`
}

type stateTable struct {
	Dir            string `toml:"dir"`
	CredentialsDir string `toml:"credentials_dir"`
}

type alertTable struct {
	WebhookURLFile   string        `toml:"webhook_url_file"`
	HeartbeatURLFile string        `toml:"heartbeat_url_file"`
	HeartbeatEvery   time.Duration `toml:"heartbeat_every"`
	Patience         time.Duration `toml:"patience"`
	Mail             *mailTable    `toml:"mail"`
}

type mailTable struct {
	Server       string   `toml:"server"`
	From         string   `toml:"from"`
	To           []string `toml:"to"`
	User         string   `toml:"user"`
	PasswordFile string   `toml:"password_file"`
}

type logTable struct {
	Level  string `toml:"level"`
	Format string `toml:"format"`
}

// schema is every key of the file that is the gateway's own, by section as it
// is written in a header: "site", "[door]", "alert.mail".
func schema() map[string][]string {
	sections := map[string][]string{}
	collect("", reflect.TypeFor[settings](), sections)
	sections["[door]"] = keysOf(reflect.TypeFor[doorTable]())
	sections["[pass.issuer]"] = keysOf(reflect.TypeFor[issuerTable]())
	sections["[input]"] = keysOf(reflect.TypeFor[inputTable]())
	for _, source := range []string{"kisi", "file"} {
		sections[source] = keysOf(reflect.TypeFor[sourceTable]())
	}
	return sections
}

func collect(path string, of reflect.Type, into map[string][]string) {
	for field := range of.Fields() {
		inner := field.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() != reflect.Struct || inner == reflect.TypeFor[table]() {
			continue
		}
		section := below(path, field.Tag.Get("toml"))
		for _, key := range keysOf(inner) {
			if _, isSection := into[below(section, key)]; !isSection {
				into[section] = append(into[section], key)
			}
		}
		collect(section, inner, into)
	}
}

func keysOf(of reflect.Type) []string {
	var keys []string
	for field := range of.Fields() {
		keys = append(keys, field.Tag.Get("toml"))
	}
	return keys
}

// homeOf is the section, as a person writes it, where a key that stands in the
// wrong place belongs; empty when no section or more than one knows it.
func homeOf(key string) string {
	var homes []string
	for section, keys := range schema() {
		if slices.Contains(keys, key) {
			homes = append(homes, "["+section+"]")
		}
	}
	if len(homes) != 1 || strings.TrimSpace(key) == "" {
		return ""
	}
	return homes[0]
}
