// Go's net/http: one Transport, whose limit of connections the workers share.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func processorTime() time.Duration {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func main() {
	host := flag.String("host", "127.0.0.1", "of the server")
	port := flag.Int("port", 0, "of the server")
	workers := flag.Int("workers", 1, "that send")
	connections := flag.Int("connections", 1, "there may be at most")
	seconds := flag.Float64("seconds", 3, "to measure")
	warmup := flag.Float64("warmup", 0.5, "seconds before that")
	flag.Parse()

	var opened int64
	var dialer net.Dialer
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		MaxConnsPerHost:     *connections,
		MaxIdleConnsPerHost: *connections,
		DisableCompression:  true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			atomic.AddInt64(&opened, 1)
			return dialer.DialContext(ctx, network, address)
		},
	}}
	url := fmt.Sprintf("http://%s:%d/", *host, *port)
	opens := time.Now().Add(time.Duration(*warmup * float64(time.Second)))
	closes := opens.Add(time.Duration(*seconds * float64(time.Second)))

	latencies := make([][]time.Duration, *workers)
	var all sync.WaitGroup
	for i := range latencies {
		all.Add(1)
		go func(mine *[]time.Duration) {
			defer all.Done()
			for {
				began := time.Now()
				answer, err := client.Get(url)
				if err != nil || answer.StatusCode != 200 {
					fmt.Fprintln(os.Stderr, "go_client: an exchange failed:", err)
					os.Exit(1)
				}
				io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
				ended := time.Now()
				if !ended.Before(closes) {
					return
				}
				if ended.After(opens) {
					*mine = append(*mine, ended.Sub(began))
				}
			}
		}(&latencies[i])
	}
	time.Sleep(time.Until(opens))
	used := processorTime()
	all.Wait()
	used = processorTime() - used

	var sorted []time.Duration
	for _, mine := range latencies {
		sorted = append(sorted, mine...)
	}
	sort.Slice(sorted, func(i, k int) bool { return sorted[i] < sorted[k] })
	count := len(sorted)
	if count == 0 {
		count = 1
	}
	us := func(d time.Duration) float64 { return float64(d) / 1000 }
	quantile := func(part float64) float64 {
		if len(sorted) == 0 {
			return 0
		}
		return us(sorted[int(part*float64(len(sorted)-1))])
	}
	fmt.Printf(`{"requests":%d,"seconds":%f,"cpu_us_per_req":%f,"p50_us":%f,"p99_us":%f,"connections_opened":%d}`+"\n",
		len(sorted), *seconds, us(used)/float64(count), quantile(.5), quantile(.99), opened)
}
