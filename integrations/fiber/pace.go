package siofiber

import (
	"github.com/gofiber/fiber/v2"

	"github.com/gosio/gosio/integrations/internal/fasthttpbridge"
)

// Pace has app accept connections no faster than it reads their first requests. When ten
// thousand clients come back at once, fasthttp accepts all of them at once, and each event
// of a client that is connected waits behind ten thousand first requests. With Pace those
// wait in the kernel. Call it before the app listens; [Listen] does it.
//
// It sets ConnState of app.Server(), which calls the function that was there before. At
// most eight connections per CPU (GOMAXPROCS), and sixteen at least, are accepted and have
// not sent a request; each counts for 5 ms at most, so that those that send nothing hold up
// nobody.
func Pace(app *fiber.App) { fasthttpbridge.Pace(app.Server()) }
