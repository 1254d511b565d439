//go:build !linux

package e2e

import "testing"

func TestOnARealNode(t *testing.T) { t.Skip("no node can run here: it takes Linux") }
