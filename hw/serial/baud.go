package serial

import (
	"fmt"
	"slices"
)

// rates are the speeds that tarm/serial knows by name. Others, among them the
// 14400, 28800, 31250, 128000, 250000 and 256000 of some data sheets, it
// refuses without saying which it would take.
var rates = [...]int{
	50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200,
	38400, 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000,
	1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000,
}

// Rates lists the supported speeds in bit/s, slowest first.
func Rates() []int { return slices.Clone(rates[:]) }

func checkBaud(baud int) error {
	at, ok := slices.BinarySearch(rates[:], baud)
	switch {
	case ok || baud == 0:
		return nil
	case at == 0:
		return fmt.Errorf("baud %d: not supported; the slowest is %d", baud, rates[0])
	case at == len(rates):
		return fmt.Errorf("baud %d: not supported; the fastest is %d", baud, rates[at-1])
	default:
		return fmt.Errorf("baud %d: not supported; the nearest are %d and %d", baud, rates[at-1], rates[at])
	}
}
