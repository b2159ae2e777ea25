package hw

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
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
	// Device is the one of several addresses, such as a reader with outputs, and
	// Tie what all of it must say alike. Empty: each address stands alone.
	Device, Tie string
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

// Assurer is a ReaderPlan that knows how hard to copy what it reads can be at
// most, leaving aside passes and tags, which are proven elsewhere.
type Assurer interface {
	Assures() access.Assurance
}

// Cautioner is a plan whose options are allowed and probably not meant for a door
// that counts.
type Cautioner interface {
	// Caution says in words what is risked, or "".
	Caution() string
}

// StrikePlan is a strike that was checked but touches no hardware yet. Plans are
// deeply equal as those of readers are.
type StrikePlan interface {
	Port() PortUse
	// Open makes the strike, as ReaderPlan.Open. It moves no relay.
	Open(lines *Lines, log hclog.Logger) (Strike, error)
}

// InputPlan is an input that was checked but touches no hardware yet. Plans are
// deeply equal as those of readers are.
type InputPlan interface {
	Port() PortUse
	// Open makes the input, as ReaderPlan.Open.
	Open(lines *Lines, log hclog.Logger) (Input, error)
}

// SelfTester is a plan that can try itself: what its settings say against
// examples of what the device sends.
type SelfTester interface {
	// SelfTest says which examples come out otherwise. It touches no hardware
	// and does not wait.
	SelfTest() error
}

// The registries of drivers are written by package initialisation only.
var (
	readerDrivers = map[string]func(Decode) (ReaderPlan, error){}
	strikeDrivers = map[string]func(Decode) (StrikePlan, error){}
	inputDrivers  = map[string]func(Decode) (InputPlan, error){}
)

func registerReader(name string, check func(Decode) (ReaderPlan, error)) bool {
	return register(readerDrivers, "reader", name, check)
}

func registerStrike(name string, check func(Decode) (StrikePlan, error)) bool {
	return register(strikeDrivers, "strike", name, check)
}

func registerInput(name string, check func(Decode) (InputPlan, error)) bool {
	return register(inputDrivers, "input", name, check)
}

func register[T any](drivers map[string]T, what, name string, check T) bool {
	if _, twice := drivers[name]; twice {
		panic("hw: two " + what + " drivers are named " + name)
	}
	drivers[name] = check
	return true
}

// CheckReader checks the options of a reader without touching hardware.
func CheckReader(driver string, decode Decode) (ReaderPlan, error) {
	check, err := find(readerDrivers, "reader", driver)
	if err != nil {
		return nil, err
	}
	return check(decode)
}

// CheckStrike checks the options of a strike without touching hardware.
func CheckStrike(driver string, decode Decode) (StrikePlan, error) {
	check, err := find(strikeDrivers, "strike", driver)
	if err != nil {
		return nil, err
	}
	return check(decode)
}

// CheckInput checks the options of an input without touching hardware.
func CheckInput(driver string, decode Decode) (InputPlan, error) {
	check, err := find(inputDrivers, "input", driver)
	if err != nil {
		return nil, err
	}
	return check(decode)
}

func find[T any](drivers map[string]T, what, name string) (T, error) {
	check, ok := drivers[name]
	if !ok {
		return check, fmt.Errorf("%s driver %q is not known; there are: %s", what, name, strings.Join(sortedNames(drivers), ", "))
	}
	return check, nil
}

// ReaderDrivers lists the reader drivers by name.
func ReaderDrivers() []string { return sortedNames(readerDrivers) }

// StrikeDrivers lists the strike drivers by name.
func StrikeDrivers() []string { return sortedNames(strikeDrivers) }

// InputDrivers lists the input drivers by name.
func InputDrivers() []string { return sortedNames(inputDrivers) }

func sortedNames[T any](drivers map[string]T) []string {
	names := make([]string, 0, len(drivers))
	for name := range drivers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
