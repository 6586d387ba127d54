// gorilla/websocket: the echo of its examples, and the hub of its chat example with prepared messages, behind the arguments
// of ../arguments.ts. Compression is without context takeover, the only kind it has. It has no event streams.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"github.com/gorilla/websocket"
)

// As MAX_MESSAGE_BYTES in ../arguments.ts.
const maxMessageBytes = 67_108_864

// Messages that a member may be behind before the hub lets it go: the number of the chat example.
const queueMessages = 256

var upgrader = websocket.Upgrader{}

// What `answerText` in ../arguments.ts is given.
type document struct {
	ID    int64    `json:"id"`
	From  string   `json:"from"`
	State string   `json:"state"`
	Lines []string `json:"lines,omitempty"`
	Text  string   `json:"text"`
}

// One field changed.
func answer(message []byte) ([]byte, error) {
	var said document
	if err := json.Unmarshal(message, &said); err != nil {
		return nil, err
	}
	said.State = "seen"
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(said); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

func echo(connection *websocket.Conn, isAnswer bool) {
	for {
		kind, message, err := connection.ReadMessage()
		if err == nil && isAnswer {
			message, err = answer(message)
		}
		if err != nil {
			return
		}
		if connection.WriteMessage(kind, message) != nil {
			return
		}
	}
}

type member struct {
	connection *websocket.Conn
	queue      chan *websocket.PreparedMessage
}

// A hub owns the members of one path.
type hub struct {
	members   map[*member]bool
	join      chan *member
	leave     chan *member
	broadcast chan *websocket.PreparedMessage
}

func (h *hub) run() {
	for {
		select {
		case one := <-h.join:
			h.members[one] = true
		case one := <-h.leave:
			if h.members[one] {
				delete(h.members, one)
				close(one.queue)
			}
		case message := <-h.broadcast:
			for one := range h.members {
				select {
				case one.queue <- message:
				default:
					delete(h.members, one)
					close(one.queue)
				}
			}
		}
	}
}

var (
	hubs     = map[string]*hub{}
	hubsLock sync.Mutex
)

func hubOf(path string) *hub {
	hubsLock.Lock()
	defer hubsLock.Unlock()
	h := hubs[path]
	if h == nil {
		h = &hub{map[*member]bool{}, make(chan *member), make(chan *member), make(chan *websocket.PreparedMessage)}
		hubs[path] = h
		go h.run()
	}
	return h
}

func fanOut(connection *websocket.Conn, path string) {
	h := hubOf(path)
	one := &member{connection, make(chan *websocket.PreparedMessage, queueMessages)}
	h.join <- one
	go func() {
		defer connection.Close()
		for message := range one.queue {
			if connection.WritePreparedMessage(message) != nil {
				return
			}
		}
	}()
	for {
		kind, message, err := connection.ReadMessage()
		if err != nil {
			break
		}
		prepared, err := websocket.NewPreparedMessage(kind, message)
		if err != nil {
			break
		}
		h.broadcast <- prepared
	}
	h.leave <- one
}

func main() {
	isFanOut := slices.Contains(os.Args, "--mode=fan-out")
	isAnswer := slices.Contains(os.Args, "--mode=answer")
	upgrader.EnableCompression = slices.Contains(os.Args, "--deflate")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	go func() {
		collect := make(chan os.Signal, 1)
		signal.Notify(collect, syscall.SIGUSR2)
		for range collect {
			runtime.GC()
		}
	}()
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		connection, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer connection.Close()
		connection.SetReadLimit(maxMessageBytes)
		if isFanOut {
			fanOut(connection, r.URL.Path)
		} else {
			echo(connection, isAnswer)
		}
	})
	http.Serve(listener, nil)
}
