package exosim

import "net/http"

func (c *Cloud) serveControl(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }
