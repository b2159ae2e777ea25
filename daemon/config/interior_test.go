package config

import "testing"

func TestDoorsAreOnThePerimeterUnlessTheySayOtherwise(t *testing.T) {
	text := `[site]
id = "test"
time_zone = "Europe/Rome"
[file]
path = "/nowhere/roster.json"
[[door]]
id = "front"
strike = { driver = "modbus", port = "/dev/serial/by-path/x", channel = 0 }
[[door]]
id = "lab"
interior = true
strike = { driver = "modbus", port = "/dev/serial/by-path/x", channel = 1 }
`
	o, err := Parse("test.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if o.Doors[0].Interior || !o.Doors[1].Interior {
		t.Errorf("front %v, lab %v: want only lab inside", o.Doors[0].Interior, o.Doors[1].Interior)
	}
}
