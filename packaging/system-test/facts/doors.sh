# shellcheck shell=bash disable=SC2154
# Two doors on simulated hardware, rights from a file.

# write_settings makes the settings of a site; the file is root's, as always.
write_settings() {
	cat >"$settings" <<'TOML'
[site]
id = "trastevere"
name = "Trastevere, Rome"
time_zone = "Europe/Rome"

[file]
path = "/etc/tilegate/roster.json"
every = "1s"

[[door]]
id = "front"
minimum_assurance = "low"
name = "Front door"
hold = "1s"
strike = { driver = "modbus", port = "/dev/building/dev/front-relay", channel = 0 }
[door.reader]
driver = "line"
port = "/dev/building/dev/front-tile"
baud = 115200
frame = { type = "delimited", end = ["CR"] }
select = { match = '^(?P<kind>[CQ]):(?P<data>.+)$', kinds = { C = "uid", Q = "qr" } }
decode = { from = "hex", as = "uid" }

[[door]]
id = "lab"
minimum_assurance = "low"
name = "Lab"
hold = "30s"
reader = { driver = "line", preset = "hex-cr", port = "/dev/building/dev/lab-tile" }
strike = { driver = "usbrelay", board = "lcus", port = "/dev/building/dev/lab-relay", channel = 0 }
TOML
}
write_roster() {
	install -m 0640 -o root -g tilegated /dev/stdin /etc/tilegate/roster.json <<'JSON'
{
  "places": [{"id": "hq", "name": "Headquarters", "time_zone": "Europe/Rome"}],
  "doors": [{"id": "front", "name": "Front door", "place": "hq"}, {"id": "lab", "name": "Lab", "place": "hq"}],
  "groups": [{"id": "members", "name": "Members", "doors": ["front"]}, {"id": "lab-people", "name": "Lab people", "doors": ["front", "lab"]}],
  "people": [
    {"id": "ann", "name": "Ann Lee", "cards": ["04:A2:B3:C4:D5:E6:80"], "groups": ["lab-people"]},
    {"id": "ben", "name": "Ben Okafor", "qr": ["TG-BEN-7731"], "groups": ["members"]}
  ]
}
JSON
}

plug_in
fact "the devices are plugged in" grep -x ready "$told"
write_settings && write_roster
fact "the settings of a site are good" says "good: 2 doors, rights from file" tilegate config check
fact "another site is no matter for a reload, and the reason is told" answers 1 "cannot change while the gateway runs" tilegate reload
fact "a restart takes them into use" systemctl restart tilegated
fact "the gateway is ready: it has doors and rights" within 20 says "(trastevere): ready" tilegate status
fact "tiles and boards are up" within 20 says "No troubles." tilegate status
fact "a card that has the right opens the front door, and it locks again" opens front "$ann"
fact "a code that has the right opens it too" opens front "$ben"
fact "an unknown card opens nothing" stays_shut front "$nobody" unknown
fact "who has no right at the lab is told why" answers 10 "no_grant" tilegate why --person "Ben Okafor" --door lab

# opened_by USER DOOR: told to open, the door opens.
opened_by() {
	local before
	before=$(moves "$2 on")
	as "$1" tilegate door open "$2" && moved "$2 on" "$before"
}
fact "who is in tilegate-operate opens a door" opened_by concierge front
fact "the journal says who did" says "by concierge" tilegate event list --kind action
fact "and tests its parts" as concierge tilegate door test front

# pulled PORT WORDS: without it, the status has these words within 20 s.
order unplug lab-tile
fact "a tile that is unplugged is a trouble" within 20 says "[reader_down]" tilegate status
order replug lab-tile && give_ports
fact "it heals when the tile is plugged in again" within 20 says "No troubles." tilegate status
