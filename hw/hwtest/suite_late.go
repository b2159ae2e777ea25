package hwtest

// readsWithoutADrop shows what was shown before until that cost nothing at all.
// What comes late on a busy machine is no fault of the driver; then the next try
// counts, and one of a few must be clean.
func (b *readerBench) readsWithoutADrop() {
	b.Helper()
	last := b.late()
	if last == 0 {
		return
	}
	for range 4 {
		b.settle()
		before := len(b.good())
		last = b.late()
		b.show(0)
		b.until("a read", func() bool { return len(b.good()) > before })
		if b.late() == last {
			return
		}
	}
	b.Errorf("no read without an answer that came too late: %v", b.reader.Stats().Drops)
}

// late counts the answers that came too late.
func (b *readerBench) late() (n uint64) {
	drops := b.reader.Stats().Drops
	for _, word := range b.suite.Late {
		n += drops[word]
	}
	return n
}
