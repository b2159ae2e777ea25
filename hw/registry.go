package hw

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/hw/serial"
)

// Decode fills a driver's own options from its table in the settings. Unknown
// keys are errors that the caller reports with file and line.
type Decode func(into any) error

// PortUse is the serial port a device needs, and how. Devices may share a port
// when protocol and settings are equal and their addresses differ.
type PortUse struct {
	Settings serial.Settings
	Protocol string // line, modbus, osdp …
	Address  string // "unit 1 channel 0"; empty: needs the port alone
}

// ReaderPlan is a reader that was checked but touches no hardware yet. Plans of
// the same options are deeply equal, so that a reload leaves them alone: hold no
// function in one.
type ReaderPlan interface {
	Port() PortUse
	// Open makes the reader. An absent port is not an error: the reader
	// opens it when it appears.
	Open(lines *Lines, log hclog.Logger) (Reader, error)
}

// StrikePlan is a strike that was checked but touches no hardware yet. Plans are
// deeply equal as those of readers are.
type StrikePlan interface {
	Port() PortUse
	// Open makes the strike, as ReaderPlan.Open. It moves no relay.
	Open(lines *Lines, log hclog.Logger) (Strike, error)
}

// readerDrivers and strikeDrivers are written by package initialisation only.
var (
	readerDrivers = map[string]func(Decode) (ReaderPlan, error){}
	strikeDrivers = map[string]func(Decode) (StrikePlan, error){}
)

func registerReader(name string, check func(Decode) (ReaderPlan, error)) bool {
	if _, twice := readerDrivers[name]; twice {
		panic("hw: two reader drivers are named " + name)
	}
	readerDrivers[name] = check
	return true
}

func registerStrike(name string, check func(Decode) (StrikePlan, error)) bool {
	if _, twice := strikeDrivers[name]; twice {
		panic("hw: two strike drivers are named " + name)
	}
	strikeDrivers[name] = check
	return true
}

// CheckReader checks the options of a reader without touching hardware.
func CheckReader(driver string, decode Decode) (ReaderPlan, error) {
	check, ok := readerDrivers[driver]
	if !ok {
		return nil, fmt.Errorf("reader driver %q is not known; there are: %s", driver, strings.Join(ReaderDrivers(), ", "))
	}
	return check(decode)
}

// CheckStrike checks the options of a strike without touching hardware.
func CheckStrike(driver string, decode Decode) (StrikePlan, error) {
	check, ok := strikeDrivers[driver]
	if !ok {
		return nil, fmt.Errorf("strike driver %q is not known; there are: %s", driver, strings.Join(StrikeDrivers(), ", "))
	}
	return check(decode)
}

// ReaderDrivers lists the reader drivers by name.
func ReaderDrivers() []string { return sortedNames(readerDrivers) }

// StrikeDrivers lists the strike drivers by name.
func StrikeDrivers() []string { return sortedNames(strikeDrivers) }

func sortedNames[T any](drivers map[string]T) []string {
	names := make([]string, 0, len(drivers))
	for name := range drivers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
