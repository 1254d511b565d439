package sidecar

import "net/http"

// Webhook is what a Server serves.
func Webhook(h *Handler) http.Handler { return h.webhook() }
