// What happens to packets, links, ports and names.

#include "faults/name_server.hpp"
#include "faults/scene.hpp"
#include "faults/socket_filter.hpp"

#include <boost/asio/ip/tcp.hpp>

namespace httpool_test::faults {
namespace {

using boost::asio::awaitable;
using boost::asio::ip::tcp;

awaitable<void> lose_some_packets(scene& s) {
  const auto before = segments_sent_again();
  co_await s.server().tell('l');
  lose_segments(reach::accepted_and_dialed, lost_of_1000);
  s.lose_on_new_connections(lost_of_1000);
  co_await s.stay();
  s.lose_on_new_connections(0);
  lose_no_segments(reach::accepted_and_dialed);
  co_await s.server().tell('n');
  if (segments_sent_again() == before)
    s.complain("no segment was lost");
}

awaitable<void> lose_connections(scene& s) {
  co_await s.server().tell('b');
  lose_segments(reach::accepted_and_dialed, all_of_them);
  co_await s.stay();
  lose_no_segments(reach::accepted_and_dialed);
  co_await s.server().tell('n');
}

awaitable<void> lose_all_packets(scene& s) {
  co_await s.server().tell('B');
  lose_segments(reach::accepted_and_dialed, all_of_them);
  s.lose_on_new_connections(all_of_them);
  co_await s.stay();
  s.lose_on_new_connections(0);
  lose_no_segments(reach::accepted_and_dialed);
  co_await s.server().tell('n');
}

awaitable<void> take_link_down(scene& s) {
  set_link(false);
  co_await s.stay();
  set_link(true);
}

awaitable<void> delay_within_deadlines(scene& s) {
  co_await s.proxy().tell('s');
  co_await s.stay();
  co_await s.proxy().tell('0');
  if (s.load().sum().longest < 200ms)
    s.complain("nothing was delayed");
}

awaitable<void> delay_beyond_deadlines(scene& s) {
  co_await s.proxy().tell('l');
  co_await s.stay();
  co_await s.proxy().tell('0');
}

awaitable<void> exhaust_ports(scene& s) {
  set_port_range(40'000, 40'007);
  co_await s.stay();
  set_port_range(32'768, 60'999);
  if (!s.load().sum().kinds.contains("Cannot assign requested address"))
    s.complain("ports were not exhausted");
}

awaitable<void> fill_accept_queue(scene& s) {
  s.kill_server();
  tcp::acceptor deaf(s.context());
  deaf.open(tcp::v4());
  deaf.set_option(tcp::acceptor::reuse_address(true));
  deaf.bind({boost::asio::ip::address_v4::loopback(), s.shared().port});
  deaf.listen(0);
  co_await s.stay();
  deaf.close();
  s.start_server();
}

awaitable<void> hang_names(scene& s) {
  co_await s.names().tell('s');
  co_await s.stay();
  co_await s.names().tell('a');
}

} // namespace

std::vector<fault> faults_of_networks() {
  std::vector<fault> all;
  const auto add = [&all](std::string_view name, awaitable<void> (*happen)(scene&)) -> fault& {
    fault& added = all.emplace_back();
    added.name = name;
    added.happen = happen;
    return added;
  };
  fault& loss = add("one packet in five is lost", lose_some_packets);
  loss.needs = isolation::lossy_sockets;
  loss.expected = losses::any;

  fault& hole = add("open connections swallow everything", lose_connections);
  hole.needs = isolation::lossy_sockets;
  hole.expected = losses::one_a_connection;
  hole.connections = callers; // So that no call waits behind one that is lost.
  hole.deadline = 2s;
  hole.stays = 4'500ms; // Whoever used such a connection twice would fail twice.

  add("every packet is lost", lose_all_packets).needs = isolation::lossy_sockets;
  add("the link is down", take_link_down).needs = isolation::network;

  fault& near = add("200 ms of delay", delay_within_deadlines);
  near.is_behind_proxy = true;
  near.expected = losses::none;
  near.deadline = 10s;

  add("10 s of delay", delay_beyond_deadlines).is_behind_proxy = true;

  fault& ports = add("8 local ports", exhaust_ports);
  ports.needs = isolation::network;
  ports.max_uses = 25;

  add("the accept queue is full", fill_accept_queue);

  fault& names = add("the name server is silent", hang_names);
  names.needs = isolation::network_and_files;
  names.is_by_name = true;
  names.max_uses = 25;
  names.resolver_timeout = 2s;
  return all;
}

} // namespace httpool_test::faults
