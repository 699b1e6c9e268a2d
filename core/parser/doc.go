// Package parser encodes and decodes Socket.IO v5 packets, and the values in
// them.
package parser
