// Package osdp is the panel's side of OSDP.
package osdp
