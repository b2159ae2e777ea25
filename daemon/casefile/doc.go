// Package casefile reads a case: a site, some taps at its doors, and what should
// become of each, in a TOML file that who runs the building can write. It asks
// daemon/access and tells every difference in words. It needs no gateway, no
// clock and no network; docs/CASES.md is the format.
package casefile
