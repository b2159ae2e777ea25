# shellcheck shell=bash disable=SC2154
# Two more doors: a reader and a module on an OSDP line, and a PN532. They go again
# at the end: new simulated readers have no keys, and after a power cut they are new.

cp "$settings" settings.before && cp -p /etc/tilegate/roster.json roster.before
cat >>"$settings" <<'TOML'

[[door]]
id = "studio"
name = "Studio"
minimum_assurance = "low"
hold = "1s"
reader = { driver = "osdp", port = "/dev/building/dev/studio-line", address = 0, key = "studio-reader", as = "uid" }
strike = { driver = "osdp", port = "/dev/building/dev/studio-line", address = 1, key = "studio-module", output = 0, inside = true }
contact = { driver = "osdp", port = "/dev/building/dev/studio-line", address = 1, key = "studio-module", input = 0, normally = "closed" }

[[door]]
id = "workshop"
name = "Workshop"
minimum_assurance = "low"
hold = "1s"
reader = { driver = "pn532", port = "/dev/building/dev/workshop-tile", accept = ["pkoc", "ndef", "uid"] }
strike = { driver = "usbrelay", board = "kmtronic", channels = 2, channel = 0, port = "/dev/building/dev/workshop-relay" }
TOML
sed -i -e 's/"place": "hq"}\],/"place": "hq"}, {"id": "studio", "name": "Studio", "place": "hq"}, {"id": "workshop", "name": "Workshop", "place": "hq"}],/' \
	-e 's/"doors": \["front", "lab"\]/"doors": ["front", "lab", "studio", "workshop"]/' /etc/tilegate/roster.json

fact "doors with an OSDP reader and a PN532 are good" says "good: 4 doors" tilegate config check
fact "they are taken up by a reload" tilegate reload
fact "and so are the rights for them" tilegate sync now file
fact "a card at a PN532 opens its door, and it locks again" opens workshop "$ann"
fact "an OSDP reader without a key is not believed, and says what to do" within 10 says "pair it with: tilegate reader pair" tilegate reader list
fact "who may only look may not pair it" answers 1 "it is for the group tilegate-operate" as viewer tilegate reader pair studio in

# own_keys is how many devices of the studio have a key of their own.
own_keys() { tilegate reader list | grep -c '^studio .* own ' || true; }
fact "who is in tilegate-operate pairs the reader" says "Paired." as concierge tilegate reader pair studio in
fact "and the module inside" says "Paired." as concierge tilegate reader pair studio strike
fact "both speak under keys of their own" within 10 is 2 own_keys
fact "the journal says who paired them" says "by concierge" tilegate event list --kind action --door studio
fact "their keys are kept, for the gateway alone" is "/var/lib/tilegated/keys/devices 700 tilegated:tilegated
/var/lib/tilegated/keys/devices/studio-module.json 600 tilegated:tilegated
/var/lib/tilegated/keys/devices/studio-reader.json 600 tilegated:tilegated" \
	mode /var/lib/tilegated/keys/devices /var/lib/tilegated/keys/devices/studio-{module,reader}.json
fact "a card at the OSDP reader opens its door, and it locks again" opens studio "$ann"
# unlogged: there are two keys, and neither is in the log.
unlogged() {
	grep -ho '[0-9a-f]\{32\}' /var/lib/tilegated/keys/devices/*.json >keys && [ "$(wc -l <keys)" = 2 ] &&
		! journalctl --quiet --no-pager --unit=tilegated | grep -iFf keys
}
fact "no key is in the log" unlogged
fact "a restart" systemctl restart tilegated
fact "finds the keys again" within 20 is 2 own_keys
fact "and the door opens" opens studio "$ann"

sed -i '/^id = "workshop"/,/^hold/{/^minimum_assurance/d}' "$settings"
fact "a door that says nothing of assurance" tilegate reload
fact "is not opened by the number of a card" stays_shut workshop "$ann" low_assurance

cp settings.before "$settings" && cp -p roster.before /etc/tilegate/roster.json && rm keys
fact "the settings of before are taken up again" tilegate reload
fact "and the rights" tilegate sync now file
fact "nothing is wrong" within 20 says "No troubles." tilegate status
