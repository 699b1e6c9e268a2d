package engine

import (
	"net/http"
	"time"
)

// cut lets reads of the body fail from then on; where the writer knows no
// deadlines, the server's own hold.
func (u *upload) cut(at time.Time) { _ = http.NewResponseController(u.w).SetReadDeadline(at) }

// late is called when the body has had its time.
func (u *upload) late() {
	u.t.uploading.Lock()
	defer u.t.uploading.Unlock()
	if u.t.upload == u && u.t.s.state.Load() == stateOpen { // else see cutBody
		u.cut(time.Now())
	}
}

// beginBody limits the time that a body may take. A session that has ended
// meanwhile waits for the rest as cutBody has it.
func (t *polling) beginBody(w http.ResponseWriter) *upload {
	u, _ := t.s.srv.uploads.Get().(*upload)
	if u == nil {
		u = new(upload)
	}
	u.t, u.w = t, w
	t.uploading.Lock()
	defer t.uploading.Unlock()
	t.upload = u
	switch d := t.s.srv.opts.BodyTimeout; {
	case t.s.state.Load() != stateOpen:
		u.cut(time.Now().Add(t.s.srv.opts.CloseTimeout))
	case d <= 0:
	case u.timer == nil:
		u.cut(time.Time{}) // one of the server's may be shorter
		u.timer = t.s.srv.clock.AfterFunc(d, u.late)
	default:
		u.cut(time.Time{})
		u.timer.Reset(d)
	}
	return u
}

// endBody takes the limit away once the body is whole. One that is not keeps
// it: net/http would go on to read.
func (t *polling) endBody(u *upload, whole bool) {
	stopped := u.timer != nil && u.timer.Stop()
	t.uploading.Lock()
	t.upload = nil
	if whole && (!stopped || t.s.state.Load() != stateOpen) { // there may be a deadline
		u.cut(time.Time{})
	}
	t.uploading.Unlock()
	if stopped || u.timer == nil { // else late may still run
		u.t, u.w = nil, nil
		t.s.srv.uploads.Put(u)
	}
}

// cutBody is called when the session has ended: the body of a POST that is still
// arriving must not hold its request for longer than this.
func (t *polling) cutBody(after time.Duration) {
	t.uploading.Lock()
	defer t.uploading.Unlock()
	if t.upload != nil {
		t.upload.cut(time.Now().Add(after))
	}
}
