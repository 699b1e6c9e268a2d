package middlewares

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/jwtauth/v5"
	"github.com/lestrrat-go/jwx/v2/jwt"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	siochi "github.com/gosio/gosio/integrations/chi"
)

// Chi is an application with go-chi/jwtauth. Its tokens are for the audience
// "chat".
func Chi(o Settings) (http.Handler, *socketio.Server, error) {
	ja := jwtauth.New("HS256", o.Key, nil, jwt.WithAudience("chat"))
	r := chi.NewRouter()
	r.Post("/login", func(w http.ResponseWriter, r *http.Request) {
		claims := map[string]any{"sub": r.FormValue("user"), "exp": time.Now().Add(o.Life), "aud": "chat"}
		_, token, err := ja.Encode(claims)
		if err != nil {
			http.Error(w, "no token", http.StatusInternalServerError)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "jwt", Value: token, Path: "/", HttpOnly: true})
		_ = json.NewEncoder(w).Encode(map[string]string{"token": token})
	})
	r.Group(func(r chi.Router) {
		r.Use(jwtauth.Verifier(ja), jwtauth.Authenticator(ja))
		r.Get("/me", func(w http.ResponseWriter, r *http.Request) {
			token, _, _ := jwtauth.FromContext(r.Context())
			_, _ = w.Write([]byte(token.Subject()))
		})
	})

	opts := &socketio.Options{
		// docs:chi-keys
		ContextKeys: []any{jwtauth.TokenCtxKey, jwtauth.ErrorCtxKey},
		// docs:chi-pin
		Pin: func(r *http.Request) string {
			token, _, err := jwtauth.FromContext(r.Context())
			if err != nil || token == nil {
				return ""
			}
			return token.Subject()
		},
		// docs:end
	}
	srv := socketio.NewServer(o.options(opts))
	// docs:chi
	srv.Use(auth.External(auth.ClaimsAt[Claims](jwtauth.TokenCtxKey, jwtauth.ErrorCtxKey), auth.Config[Claims]{Leeway: time.Second}))
	// docs:end
	// docs:chi-check
	check := chi.Chain(jwtauth.Verifier(ja), jwtauth.Authenticator(ja)).Handler
	// docs:end
	switch {
	case o.NoCheck:
		check = jwtauth.Verifier(ja) // passes everything on, with its error
	case o.HandshakesOnly:
		// docs:chi-handshakes
		always := chi.Chain(jwtauth.Verifier(ja), jwtauth.Authenticator(ja))
		check = func(next http.Handler) http.Handler {
			checked := always.Handler(next)
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if siochi.IsHandshake(r) {
					checked.ServeHTTP(w, r)
				} else {
					next.ServeHTTP(w, r)
				}
			})
		}
		// docs:end
	}
	// docs:chi-mount
	r.Group(func(r chi.Router) {
		r.Use(check)
		siochi.Mount(r, srv)
	})
	// docs:end
	o.serve(srv)
	return r, srv, nil
}
