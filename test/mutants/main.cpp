// prove_mutants: is there a test for each line of src/pool? Changes one thing at a time and looks
// whether any test or simulation notices.

#include "mutants/files.hpp"
#include "mutants/killers.hpp"
#include "mutants/notes.hpp"
#include "mutants/survivors.hpp"
#include "prove/report.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <sstream>
#include <thread>

namespace {

using namespace mutants;
using httpool_test::prove_options;
using std::chrono::steady_clock;

/// What earlier runs found, so that a run that was cut off goes on where it stood. It holds as long
/// as the mutant's file is what it was; that nobody killed a mutant holds for one build of the
/// tests.
class memory {
public:
  memory(const std::string& file, std::string build) : build_(std::move(build)) {
    std::ifstream in(file);
    std::string of_build, name, by;
    while (in >> of_build >> name >> by) {
      if (by != "none" || of_build == build_)
        known_[name] = by == "none" ? "" : by;
    }
    out_.open(file, std::ios::app);
  }

  const std::string* find(const mutant& m) {
    const auto found = known_.find(name_of(m));
    return found == known_.end() ? nullptr : &found->second;
  }

  void add(const mutant& m, const std::string& killed_by) {
    out_ << build_ << ' ' << name_of(m) << ' ' << (killed_by.empty() ? "none" : killed_by)
         << std::endl;
  }

private:
  std::string name_of(const mutant& m) {
    std::string& contents = contents_[m.file];
    if (contents.empty())
      contents = contents_of(std::string(MUTANTS_SOURCES) + "/" + m.file);
    const std::string change = std::to_string(m.line) + m.rule + std::to_string(m.nth) + m.text;
    return m.file + ':' + std::to_string(std::hash<std::string>()(contents + change));
  }

  std::string build_;
  std::map<std::string, std::string> known_;
  std::map<std::string, std::string> contents_; ///< Of files.
  std::ofstream out_;
};

class hunt {
public:
  hunt(const prove_options& options, const std::filesystem::path& folder)
      : options_(options),
        all_(read_list(MUTANTS_LIST)),
        killers_(all_killers(folder.string())),
        memory_(MUTANTS_RESULTS, stamp_of_killers()),
        outcomes_(all_.size() + 1),
        began_(steady_clock::now()) {}

  void learn_killers() {
    std::atomic<std::size_t> next = 0;
    in_threads([&](unsigned which) {
      for (std::size_t i = next++; i < killers_.size(); i = next++)
        learn(killers_[i], MUTANTS_RESULTS + std::string(".notes") + std::to_string(which));
    });
    if (options_.is_verbose) {
      for (const killer& k : killers_)
        std::cout << k.name << " takes " << k.usual.count() << " ms\n";
    }
    const auto is_possible = [&](unsigned number) {
      return std::none_of(killers_.begin(), killers_.end(), [&](const killer& k) {
        return (k.notes.at(number) & is_impossible) != 0;
      });
    };
    std::vector<unsigned> possible;
    for (unsigned number = 1; number <= all_.size(); ++number) {
      if (is_possible(number))
        possible.push_back(number);
    }
    std::cout << all_.size() << " mutants of src/pool, " << all_.size() - possible.size()
              << " of which are none in C++; " << killers_.size() << " programs that may kill them"
              << std::endl;
    std::mt19937_64 dice(options_.first);
    std::sample(possible.begin(), possible.end(), std::back_inserter(chosen_), options_.seeds,
                dice);
  }

  void run_all() {
    std::atomic<std::size_t> next = 0;
    in_threads([&](unsigned) {
      for (std::size_t i = next++; i < chosen_.size() && !is_over(); i = next++)
        hunt_one(chosen_[i]);
    });
  }

  int report() const {
    const survivors allowed(MUTANTS_SURVIVORS);
    std::size_t killed = 0, explained = 0, alive = 0, untried = 0;
    std::map<std::string, std::size_t> by_killer;
    for (const unsigned number : chosen_) {
      const mutant& m = all_[number - 1];
      const std::string reason = allowed.reason_for(m);
      if (!outcomes_[number].tried) {
        ++untried;
      } else if (const std::string& by = outcomes_[number].killed_by; !by.empty()) {
        ++killed;
        ++by_killer[by];
        if (!reason.empty())
          std::cout << "explained, but killed by " << by << ": " << row_of(m, reason) << '\n';
      } else if (!reason.empty()) {
        ++explained;
      } else {
        ++alive;
        std::cout << m.file << ':' << m.line << ": alive"
                  << (is_reached(number) ? "" : " (reached by nothing)") << ": number " << number
                  << "\n  " << row_of(m, "") << '\n';
      }
    }
    for (const auto& [by, count] : by_killer)
      std::cout << "killed by " << by << ": " << count << '\n';
    const std::size_t tried = killed + explained + alive;
    std::cout
        << tried << " tried in "
        << std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - began_).count()
        << " s: " << killed << " killed, " << explained << " explained, " << alive
        << " alive; score "
        << (tried == 0 ? 100. : 100. * double(killed + explained) / double(tried)) << " %\n";
    if (untried != 0)
      std::cout << untried << " were not tried in the time given\n";
    return httpool_test::conclude(killed + explained, alive);
  }

private:
  struct outcome {
    bool tried = false;
    std::string killed_by;
  };

  struct record {
    unsigned tries = 0, kills = 0;
  };

  bool is_over() const {
    return options_.minutes > 0 &&
           steady_clock::now() - began_ >
               std::chrono::duration<double, std::ratio<60>>(options_.minutes);
  }

  /// More than there are processors: a mutant that lets a test hang takes none.
  template <class Function>
  static void in_threads(Function function) {
    std::exception_ptr failure;
    std::mutex failing;
    std::vector<std::thread> threads;
    const unsigned count = 2 * std::max(1u, std::thread::hardware_concurrency());
    for (unsigned which = 0; which != count; ++which) {
      threads.emplace_back([&, which] {
        try {
          function(which);
        } catch (...) {
          const std::lock_guard lock(failing);
          failure = std::current_exception();
        }
      });
    }
    for (std::thread& t : threads)
      t.join();
    if (failure)
      std::rethrow_exception(failure);
  }

  bool is_reached(unsigned number) const {
    return std::any_of(killers_.begin(), killers_.end(),
                       [&](const killer& k) { return (k.notes.at(number) & was_reached) != 0; });
  }

  /// The programs that reach the mutant, those first that kill most of this file for their time.
  std::vector<const killer*> killers_of(unsigned number) {
    const std::lock_guard lock(guard_);
    std::vector<std::pair<double, const killer*>> by_price;
    for (const killer& k : killers_) {
      if ((k.notes[number] & was_reached) == 0)
        continue;
      const record& r = records_[{k.name, all_[number - 1].file}];
      by_price.emplace_back(double(k.usual.count()) * (r.tries + 1) / (r.kills + 1), &k);
    }
    std::sort(by_price.begin(), by_price.end());
    std::vector<const killer*> result;
    for (const auto& [price, k] : by_price)
      result.push_back(k);
    return result;
  }

  void hunt_one(unsigned number) {
    outcome& found = outcomes_[number];
    const mutant& m = all_[number - 1];
    {
      const std::lock_guard lock(guard_);
      if (const std::string* known = memory_.find(m)) {
        found = {true, *known};
        return;
      }
    }
    const auto began = steady_clock::now();
    for (const killer* const k : killers_of(number)) {
      const auto limit = std::chrono::seconds(5) + 10 * k->usual;
      const bool kills = run(*k, number, limit, "") != verdict::passed;
      const std::lock_guard lock(guard_);
      record& r = records_[{k->name, m.file}];
      ++r.tries;
      r.kills += kills;
      if (kills) {
        found.killed_by = k->name;
        break;
      }
    }
    found.tried = true;
    const std::lock_guard lock(guard_);
    memory_.add(m, found.killed_by);
    if (options_.is_verbose)
      std::cout << number << ' ' << (found.killed_by.empty() ? "alive" : found.killed_by) << ' '
                << std::chrono::duration<double>(steady_clock::now() - began).count() << " s"
                << std::endl;
  }

  std::string stamp_of_killers() const {
    std::string stamps;
    for (const killer& k : killers_) {
      stamps += std::to_string(
          std::filesystem::last_write_time(k.command.front()).time_since_epoch().count());
    }
    return std::to_string(std::hash<std::string>()(stamps));
  }

  const prove_options& options_;
  std::vector<mutant> all_;
  std::vector<killer> killers_;
  memory memory_;
  std::vector<outcome> outcomes_;
  std::vector<unsigned> chosen_;
  steady_clock::time_point began_;
  std::mutex guard_;
  std::map<std::pair<std::string, std::string>, record> records_; ///< By program and file.
};

} // namespace

int main(int argc, char** argv) {
  const auto options = httpool_test::read_options(
      argc, argv, "changes one thing in src/pool at a time; --seeds says how many", 40);
  if (!options)
    return 0;
  try {
    hunt all(*options, std::filesystem::path(argv[0]).parent_path());
    all.learn_killers();
    all.run_all();
    return all.report();
  } catch (const std::exception& e) {
    std::cout << e.what() << '\n';
    return httpool_test::conclude(0, 1);
  }
}
