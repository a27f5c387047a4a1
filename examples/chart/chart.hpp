// Figures as a picture: SVG that is dark where the reader's screen is, and needs no other file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace chart {

struct point {
  double x = 0;
  double y = 0;
};

struct curve {
  std::string name;
  std::vector<point> points = {}; // by x
  bool is_stepped = false;        // has its value until the next point
};

// A dashed line at `value`.
struct level {
  double from = 0;
  double to = 0;
  double value = 0;
};

struct bar {
  std::string name;
  double value = 0;
};

// Shows curves, whose scale begins at zero, or bars that lie one below the other.
struct panel {
  std::string title;   // what y is, with its unit
  std::string x_title; // what x is, with its unit
  std::vector<curve> curves = {};
  std::vector<bar> bars = {};
  std::vector<level> levels = {};
  double shaded_until = 0;
  double end = 0;                  // x goes as far as that, or further
  std::optional<double> most = {}; // the end of the scale, if it is not to be found
  bool is_logarithmic = false;     // is x?
};

// Names and texts are plain text, in UTF-8.
struct picture {
  std::string title;
  std::string note;        // beside the title
  std::string description; // for those who cannot see it
  std::vector<panel> panels;
};

// As it goes into a file.
std::string as_svg(const picture& shown);

// Throws std::runtime_error if the file cannot be written.
void write(const picture& shown, const std::filesystem::path& file);

} // namespace chart
