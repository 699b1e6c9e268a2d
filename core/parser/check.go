package parser

import (
	"strings"
	"unicode/utf8"
)

// Check tells whether a packet that something else than a [Decoder] has made
// is one that a Decoder with these limits could have returned; only
// Limits.Total is not looked at. Nil limits are the defaults. The error is that
// of a Decoder, or [ErrNamespace].
func (p *Packet) Check(limits *Limits) error {
	var lim Limits
	if limits != nil {
		lim = *limits
	}
	attachments := len(p.Attachments)
	switch {
	case p.Type > maxType:
		return ErrType
	case p.Type.IsBinary() != (attachments > 0):
		return ErrAttachmentCount
	case attachments > min(limitOf(lim.Attachments, MaxAttachments), mostAttachments):
		return ErrTooManyAttachments
	case len(p.Namespace) > limitOf(lim.Namespace, defaultNamespace):
		return ErrNamespaceTooLong
	case !strings.HasPrefix(p.Namespace, "/") || strings.Contains(p.Namespace, ",") || !utf8.ValidString(p.Namespace):
		return ErrNamespace
	case p.ID > maxID:
		return ErrID
	case p.Data != nil && len(p.Data) == 0:
		return ErrPayload
	case !utf8.Valid(p.Data):
		return ErrJSON
	}
	return validate(p, attachments, &lim)
}
