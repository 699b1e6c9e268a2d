package chattest

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/internal/assert"
)

// RunMembers does with an example of tokens what its page does, and what its
// page does not. run is the example's: it serves until the context ends, with
// tokens that live so long. Packages that use it call leak.Main.
func RunMembers(t *testing.T, run func(context.Context, net.Listener, time.Duration) error) {
	with := func(life time.Duration) func(context.Context, net.Listener) error {
		return func(ctx context.Context, l net.Listener) error { return run(ctx, l, life) }
	}
	t.Run("WhileTokensLive", func(t *testing.T) {
		t.Parallel()
		a := start(t, with(time.Hour))
		t.Run("Page", func(t *testing.T) { testMembersPage(t, a) })
		t.Run("Login", func(t *testing.T) { testLogin(t, a) })
		t.Run("REST", func(t *testing.T) { testREST(t, a) })
		t.Run("Refresh", func(t *testing.T) { testRefresh(t, a) })
		t.Run("Namespaces", func(t *testing.T) { testNamespaces(t, a) })
		t.Run("Admin", func(t *testing.T) { testAdmin(t, a) })
		t.Run("Chat", func(t *testing.T) { testMembersChat(t, a) })
	})
	t.Run("WhenTokensEnd", func(t *testing.T) {
		t.Parallel()
		a := start(t, with(time.Second))
		t.Run("LeavesNamespace", func(t *testing.T) { t.Parallel(); testExpiry(t, a) })
		t.Run("ClosesConnection", func(t *testing.T) { t.Parallel(); testExpiryAlone(t, a) })
	})
}

// member is somebody with a login: a browser's cookies, and a token.
type member struct {
	t     *testing.T
	app   *app
	http  *http.Client
	token string
}

func signIn(t *testing.T, a *app, name, password string) *member {
	t.Helper()
	jar, err := cookiejar.New(nil)
	assert.NoError(t, err)
	m := &member{t: t, app: a, http: &http.Client{Transport: a.http.Transport, Timeout: patience, Jar: jar}}
	m.granted(m.post("/login", encode(map[string]string{"name": name, "password": password})))
	return m
}

// post returns a status and a body.
func (m *member) post(path, body string) (int, string) {
	m.t.Helper()
	res, err := m.http.Post(m.app.url+path, "application/json", strings.NewReader(body))
	assert.NoError(m.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	assert.NoError(m.t, err)
	return res.StatusCode, string(b)
}

// granted takes the token of an answer, which must have one.
func (m *member) granted(status int, body string) {
	m.t.Helper()
	assert.Equal(m.t, "status, "+body, status, http.StatusOK)
	var grant struct {
		Token     string
		ExpiresIn float64 `json:"expires_in"`
	}
	assert.NoError(m.t, json.Unmarshal([]byte(body), &grant))
	assert.True(m.t, "a token, and how long it lives: "+body, strings.Count(grant.Token, ".") == 2 && grant.ExpiresIn >= 1)
	m.token = grant.Token
}

func (m *member) refresh() {
	m.t.Helper()
	m.granted(m.post("/refresh", ""))
}

// me asks the protected route.
func (m *member) me(authorization string) (int, string) {
	m.t.Helper()
	req, err := http.NewRequest(http.MethodGet, m.app.url+"/me", http.NoBody)
	assert.NoError(m.t, err)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := m.app.http.Do(req)
	assert.NoError(m.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	assert.NoError(m.t, err)
	return res.StatusCode, string(b)
}

// join asks for a namespace with the token.
func (m *member) join(p *person, namespace string) {
	m.t.Helper()
	p.send("40" + namespace + "," + encode(map[string]string{"token": m.token}))
}

func testMembersPage(t *testing.T, a *app) {
	for path, want := range map[string]struct{ contentType, text string }{
		"/":           {"text/html", `src="/socket.io/socket.io.min.js"`},
		"/chat.css":   {"text/css", "prefers-color-scheme"},
		"/members.js": {"javascript", `emit("say"`},
	} {
		contentType, body := a.get(t, path)
		assert.True(t, path+" is "+want.contentType+", not "+contentType, strings.Contains(contentType, want.contentType))
		assert.True(t, path+" has "+want.text, strings.Contains(body, want.text))
		rest := strings.ReplaceAll(body, "http://www.w3.org/2000/svg", "") // a name, not a request
		assert.True(t, path+" refers to no other host", !strings.Contains(rest, "://"))
	}
}

func testLogin(t *testing.T, a *app) {
	res, err := a.http.Post(a.url+"/login", "application/json", strings.NewReader(`{"name":"ada","password":"countess"}`))
	assert.NoError(t, err)
	defer res.Body.Close()
	assert.Equal(t, "status", res.StatusCode, http.StatusOK)
	body, err := io.ReadAll(res.Body)
	assert.NoError(t, err)
	cookies := res.Cookies()
	assert.Equal(t, "cookies", len(cookies), 1)
	c := cookies[0]
	assert.True(t, "a cookie for the browser alone: "+c.String(),
		c.Name == "refresh" && len(c.Value) > 20 && c.HttpOnly && c.SameSite == http.SameSiteStrictMode && c.Path == "/" && c.MaxAge == 12*60*60)
	assert.True(t, "the page does not get to see it", !strings.Contains(string(body), c.Value))

	m := &member{t: t, app: a, http: a.http}
	wrong, answer := m.post("/login", `{"name":"ada","password":"compiler"}`)
	unknown, same := m.post("/login", `{"name":"eve","password":"countess"}`)
	assert.Equal(t, "wrong password", wrong, http.StatusUnauthorized)
	assert.Equal(t, "unknown name", unknown, http.StatusUnauthorized)
	assert.Equal(t, "who exists, is nobody's business", same, answer)
	for _, body := range []string{``, `{`, `[]`, `{"name":"ada"}`, `{"password":"countess"}`, `{"name":1,"password":"countess"}`} {
		status, answer := m.post("/login", body)
		assert.Equal(t, "status of "+body, status, http.StatusBadRequest)
		assert.Equal(t, "answer to "+body, strings.TrimSpace(answer), `{"error":"name and password are required"}`)
	}
}

func testREST(t *testing.T, a *app) {
	ada := signIn(t, a, "ada", "countess")
	status, body := ada.me("Bearer " + ada.token)
	assert.Equal(t, "status", status, http.StatusOK)
	var who struct {
		Name  string
		Roles []string
	}
	assert.NoError(t, json.Unmarshal([]byte(body), &who))
	assert.Equal(t, "who", who.Name+" "+strings.Join(who.Roles, " "), "ada user admin")

	claims := jwt.MapClaims{"sub": "ada", "exp": time.Now().Add(time.Hour).Unix()}
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, claims).SignedString(jwt.UnsafeAllowNoneSignatureType)
	assert.NoError(t, err)
	other, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(make([]byte, 32))
	assert.NoError(t, err)
	for why, header := range map[string]string{
		"nothing": "", "no token": "Bearer ", "no scheme": ada.token, "changed": "Bearer " + ada.token + "A", "alg none": "Bearer " + none, "another key": "Bearer " + other,
	} {
		status, answer := ada.me(header)
		assert.Equal(t, why, status, http.StatusUnauthorized)
		assert.Equal(t, why, strings.TrimSpace(answer), `{"error":"a valid token is required"}`)
	}
}

func testRefresh(t *testing.T, a *app) {
	ada := signIn(t, a, "ada", "countess")
	first := ada.token
	ada.refresh()
	assert.True(t, "it is another token", ada.token != first)
	status, body := ada.me("Bearer " + ada.token)
	assert.True(t, "of the same user: "+body, status == http.StatusOK && strings.Contains(body, `"ada"`))

	res, err := a.http.Post(a.url+"/refresh", "", http.NoBody)
	assert.NoError(t, err)
	defer res.Body.Close()
	assert.Equal(t, "without a cookie", res.StatusCode, http.StatusUnauthorized)

	// Who has kept a copy of the cookie has nothing after the logout.
	kept := *ada
	kept.http = &http.Client{Transport: a.http.Transport, Timeout: patience, Jar: frozen{ada.http.Jar.Cookies(res.Request.URL)}}
	kept.refresh()
	status, _ = ada.post("/logout", "")
	assert.Equal(t, "logout", status, http.StatusNoContent)
	assert.Equal(t, "the browser forgets the cookie", len(ada.http.Jar.Cookies(res.Request.URL)), 0)
	for _, m := range []*member{ada, &kept} {
		status, body = m.post("/refresh", "")
		assert.Equal(t, "after the logout", status, http.StatusUnauthorized)
		assert.Equal(t, "after the logout", strings.TrimSpace(body), `{"error":"wrong name or password, or signed out"}`)
	}
}

func testNamespaces(t *testing.T, a *app) {
	grace := signIn(t, a, "grace", "compiler")
	p := open(t, a)
	p.send("40")
	p.await(`40{"sid":`) // the public one lets everybody in
	for auth, code := range map[string]string{
		"": "token_missing", `{}`: "token_missing", `{"token":"?"}`: "token_malformed",
		encode(map[string]string{"token": grace.token + "A"}): "token_invalid",
	} {
		for _, namespace := range []string{"/chat", "/admin"} {
			p.send("40" + namespace + "," + auth)
			refused := p.await("44" + namespace + ",")
			assert.True(t, refused+" has "+code, strings.Contains(refused, `"code":"`+code+`"`))
		}
	}
	p.send(`42/chat,7["say",{"key":"k","text":"not in"}]`) // goes nowhere
	grace.join(p, "/chat")
	p.await(`40/chat,{"sid":`)
	welcome := p.await(`42/chat,["welcome",`)
	assert.True(t, "her name and role: "+welcome, strings.Contains(welcome, `"name":"grace","roles":["user"]`))
	assert.True(t, "nothing was said: "+welcome, strings.Contains(welcome, `"recent":[]`))
}

func testAdmin(t *testing.T, a *app) {
	ada, grace := signIn(t, a, "ada", "countess"), signIn(t, a, "grace", "compiler")
	visitor := open(t, a)
	visitor.send("40")
	visitor.await(`40{"sid":`)

	p := open(t, a)
	grace.join(p, "/chat") // that gives nothing in /admin
	p.await(`40/chat,{"sid":`)
	grace.join(p, "/admin")
	refused := p.await("44/admin,")
	assert.True(t, refused, strings.Contains(refused, `"code":"forbidden"`) && strings.Contains(refused, `"required":["admin"]`))

	p = open(t, a)
	ada.join(p, "/admin")
	p.await(`40/admin,{"sid":`)
	p.send(`42/admin,1["announce"," tea "]`)
	p.await(`43/admin,1[`)
	visitor.await(`42["announcement",{"from":"ada","text":"tea"}]`)
	p.send(`42/admin,2["announce"," "]`)
	assert.True(t, "refused", strings.Contains(p.await(`43/admin,2[`), `"code":"bad_request"`))
}

func testMembersChat(t *testing.T, a *app) {
	ada, grace := signIn(t, a, "ada", "countess"), signIn(t, a, "grace", "compiler")
	here, there := open(t, a), open(t, a)
	ada.join(here, "/chat")
	here.await(`42/chat,["welcome",`)
	grace.join(there, "/chat")
	there.await(`42/chat,["welcome",`)

	here.send(`42/chat,1["say",{"key":"k","text":" hello "}]`)
	first := here.await("43/chat,1")
	there.await(`42/chat,["said",{"id":1,"from":"ada","text":"hello"`)
	here.send(`42/chat,1["say",{"key":"k","text":" hello "}]`) // her page did not get the acknowledgement
	assert.Equal(t, "the same message", here.await("43/chat,1"), first)
	there.send(`42/chat,3["say",{"key":"k","text":"a key of her own"}]`)
	there.await("43/chat,3")
	here.await(`42/chat,["said",{"id":2,"from":"grace","text":"a key of her own"`)
	for why, draft := range map[string]string{
		"empty": `{"key":"e","text":" "}`, "long": `{"key":"l","text":"` + strings.Repeat("x", 2001) + `"}`,
		"no key": `{"text":"x"}`, "long key": `{"key":"` + strings.Repeat("x", 65) + `","text":"x"}`,
	} {
		here.send(`42/chat,4["say",` + draft + `]`)
		assert.True(t, why, strings.Contains(here.await("43/chat,4"), `"code":"bad_request"`))
	}
}

// testExpiry: the namespace ends with the token, the connection lives on, and a
// fresh token continues where the other has ended.
func testExpiry(t *testing.T, a *app) {
	ada, grace := signIn(t, a, "ada", "countess"), signIn(t, a, "grace", "compiler")
	p := open(t, a)
	p.send("40")
	p.await(`40{"sid":`)
	ada.joinAnyhow(p)
	old := ada.token
	p.await(`42/chat,["auth:ended",{"code":"token_expired"`)
	p.await("41/chat,")
	status, _ := ada.me("Bearer " + old)
	assert.Equal(t, "the REST route", status, http.StatusUnauthorized)
	ada.join(p, "/chat")
	refused := p.await("44/chat,")
	assert.True(t, refused, strings.Contains(refused, `"code":"token_expired"`) && strings.Contains(refused, `"retryable":true`))

	// Meanwhile somebody else writes, and comes to the public namespace.
	other := open(t, a)
	other.send("40")
	p.await(`42["visitors",2]`)
	grace.joinAnyhow(other)
	grace.sayAnyhow(other, "meanwhile")

	ada.refresh()
	missed := ada.joinAnyhow(p)
	assert.True(t, "what was said: "+missed, strings.Contains(missed, `"text":"meanwhile"`))
	ada.sayAnyhow(p, "still here")
}

// testExpiryAlone: a connection without another namespace ends with the token;
// the stock client then comes back by itself.
func testExpiryAlone(t *testing.T, a *app) {
	p := open(t, a)
	signIn(t, a, "ken", "plan 9").joinAnyhow(p)
	for {
		packet, err := p.read()
		if err != nil {
			assert.Equal(t, "how it ends", websocket.CloseStatus(err), websocket.StatusNoStatusRcvd)
			return
		}
		assert.True(t, "nothing that the client would take for a goodbye: "+packet, !strings.HasPrefix(packet, "41"))
	}
}

// joinAnyhow joins the chat, if need be with a fresh token: this machine may be
// slower than a token is short. It returns the welcome.
func (m *member) joinAnyhow(p *person) string {
	m.t.Helper()
	for ; ; m.refresh() {
		m.join(p, "/chat")
		answer := p.await("40/chat,", "44/chat,")
		if strings.HasPrefix(answer, "40") {
			answer = p.await(`42/chat,["welcome",`, "41/chat,")
		}
		if strings.HasPrefix(answer, "42") {
			return answer
		}
		assert.True(m.t, "late, at the worst: "+answer, strings.HasPrefix(answer, "41") || strings.Contains(answer, `"token_expired"`))
	}
}

// sayAnyhow says something in the chat, as the page does: until it is acknowledged.
func (m *member) sayAnyhow(p *person, text string) {
	m.t.Helper()
	for {
		p.send(`42/chat,1["say",` + encode(map[string]string{"key": text, "text": text}) + `]`)
		answer := p.await("43/chat,1", "41/chat,")
		if strings.HasPrefix(answer, "43") && strings.Contains(answer, `"text":"`+text) {
			return
		}
		if strings.HasPrefix(answer, "43") {
			assert.True(m.t, "late, at the worst: "+answer, strings.Contains(answer, `"token_expired"`))
			p.await("41/chat,")
		}
		m.refresh()
		m.joinAnyhow(p)
	}
}

// frozen is a cookie jar that keeps what it has.
type frozen struct{ cookies []*http.Cookie }

func (f frozen) Cookies(*url.URL) []*http.Cookie   { return f.cookies }
func (frozen) SetCookies(*url.URL, []*http.Cookie) {}
