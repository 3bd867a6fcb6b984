#!/usr/bin/perl
# Writes a NetCDF-3 file of made-up values, large enough that an analysis of it can be disturbed:
#   series.pl FILE TIMES ROWS COLUMNS
# In perl because that is on every machine, and NetCDF's tools are not.
use strict;
use warnings;

my ($file, $times, $rows, $columns) = @ARGV;
die "usage: series.pl FILE TIMES ROWS COLUMNS\n" unless defined $columns;

my ($dimensions, $variables, $attributes, $chars, $float, $double) = (10, 11, 12, 2, 5, 6);

sub text   { my $t = shift; return pack('N', length $t) . $t . "\0" x (-length($t) % 4) }
sub attrs  { my %a = @_; return pack('NN', $attributes, scalar keys %a)
             . join '', map { text($_) . pack('N', $chars) . text($a{$_}) } sort keys %a }

my @dims = (['time', $times], ['lat', $rows], ['lon', $columns]);
my @vars = (
  ['time', [0], $double, 8 * $times, { units => 'days since 2000-01-01', calendar => 'standard', standard_name => 'time' }],
  ['lat', [1], $double, 8 * $rows, { units => 'degrees_north', standard_name => 'latitude' }],
  ['lon', [2], $double, 8 * $columns, { units => 'degrees_east', standard_name => 'longitude' }],
  ['sst', [0, 1, 2], $float, 4 * $times * $rows * $columns, { units => 'degC', long_name => 'made up' }],
);

# CDF-2: offsets of 64 bits. Once with offsets of nothing, to learn how long the header is.
sub header {
  my $begin = shift;
  my $h = "CDF\2" . pack('N', 0);
  $h .= pack('NN', $dimensions, scalar @dims) . join '', map { text($_->[0]) . pack('N', $_->[1]) } @dims;
  $h .= pack('NN', 0, 0);
  $h .= pack('NN', $variables, scalar @vars);
  for my $v (@vars) {
    my ($name, $of, $type, $bytes, $about) = @$v;
    $h .= text($name) . pack('N*', scalar @$of, @$of) . attrs(%$about) . pack('NN', $type, $bytes);
    $h .= pack('Q>', $begin);
    $begin += $bytes;
  }
  return $h;
}

open my $out, '>:raw', $file or die "$file: $!\n";
print $out header(length header(0));
print $out pack('d>*', 0 .. $times - 1);
print $out pack('d>*', map { -80 + 160 * ($_ + 0.5) / $rows } 0 .. $rows - 1);
print $out pack('d>*', map { 360 * ($_ + 0.5) / $columns } 0 .. $columns - 1);
# A few maps, over and over: no two rows of a map are alike, and no two times next to each other.
my @maps = map {
  my $m = $_;
  pack 'f>*', map { 15 + 10 * sin(0.001 * $_ * ($m + 1)) + 0.37 * $m } 0 .. $rows * $columns - 1;
} 0 .. 6;
print $out $maps[$_ % 7] for 0 .. $times - 1;
close $out or die "$file: $!\n";
