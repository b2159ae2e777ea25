# shellcheck shell=bash disable=SC2154
# After a power cut. Before it, a person had saved the key with an editor, so
# that it was open to all; the devices come up later than the gateway.

fact "after a power cut the gateway is up without anybody" within 20 up
fact "a key that was open to others is the gateway's alone" is "600 tilegated:tilegated" \
	stat -c '%a %U:%G' /etc/tilegate/credentials/kisi-api-key
fact "the journal has all that it had" remembers before
fact "without its devices it is up, and says which are absent" within 20 says "[strike_down]" tilegate status
plug_in
fact "once they are there, they come up by themselves" within 20 devices_up
fact "and doors open, without a network" opens front "$ann"
