package parser

// Pending returns how many attachments are still to come.
func (d *Decoder) Pending() int {
	if d.pending == nil {
		return 0
	}
	return d.pending.want - len(d.pending.packet.Attachments)
}

// PendingBytes returns how many bytes of an incomplete packet the decoder
// holds.
func (d *Decoder) PendingBytes() int64 {
	if d.pending == nil {
		return 0
	}
	return d.pending.size
}
