// Writes figures as Prometheus's text format 0.0.4 or as OpenMetrics 1.0, whose families it puts
// together: all samples of one have to follow each other.
#pragma once

#include <httpool/histogram.hpp>
#include <httpool/metrics.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace httpool::detail {

/// Labels as they stand between the braces of a sample, such as `a="b",c="d"`.
class label_text {
public:
  label_text() = default;

  /// These, and one more.
  label_text with(std::string_view name, std::string_view value) const;

  const std::string& text() const noexcept { return text_; }

private:
  std::string text_;
};

/// Whether a label of this name may be given by a user.
bool is_label_name(std::string_view name) noexcept;

class exposition {
public:
  explicit exposition(metrics_format format) noexcept : format_(format) {}

  // A family begins; its name is without the suffix that a counter's samples have. One that has no
  // samples leaves no trace. `unit` is what its name ends with, or empty.
  void counters(std::string_view name, std::string_view unit, std::string_view help);
  void gauges(std::string_view name, std::string_view unit, std::string_view help);
  void histograms(std::string_view name, std::string_view help);

  // A sample of the family that has begun last.
  void sample(const label_text& labels, std::uint64_t value);
  void sample(const label_text& labels, double value);

  /// The same of a family of histograms: cumulative counts at 2^`from` ns, 2^(`from` + 1) ns, ...
  /// up to 2^`to` ns, all of which are bounds of buckets.
  void sample(const label_text& labels, const histogram& counted, unsigned from, unsigned to);

  /// All of it.
  std::string finish() &&;

private:
  void begin_family(std::string_view name, std::string_view type, std::string_view unit,
                    std::string_view help, std::string_view suffix);
  void describe();
  void line(std::string_view suffix, const std::string& labels, std::string_view value);

  const metrics_format format_;
  std::string text_;
  std::string_view name_;
  std::string_view type_;
  std::string_view unit_;
  std::string_view help_;
  std::string_view suffix_; ///< Of the names of its samples.
  bool is_described_ = false;
};

} // namespace httpool::detail
