# Data structures, an open file read line by line, and a child behind a pipe.
use strict;
use warnings;
use IO::Handle;

my ($release) = @ARGV;
$| = 1;
open(my $out, '>', 'lines') or die;
print $out "line $_\n" for 1 .. 20000;
close $out;
open(my $in, '<', 'lines') or die;
my %seen;
pipe(my $from_parent, my $to_child) or die;
pipe(my $from_child, my $to_parent) or die;
my $child = fork();
if ($child == 0) {
  close $to_child;
  close $from_child;
  $to_parent->autoflush(1);
  while (my $line = <$from_parent>) {
    chomp $line;
    print $to_parent scalar(reverse $line), "\n";
  }
  exit 0;
}
close $from_parent;
close $to_parent;
$to_child->autoflush(1);
print "READY\n";
my $count = 0;
until (-e $release && $count >= 2000) {
  my $line = <$in>;
  last unless defined $line;
  chomp $line;
  print $to_child "$line\n";
  my $answer = <$from_child>;
  chomp $answer;
  die "FAIL: '$answer' for '$line'" unless $answer eq reverse $line;
  $seen{$line} = ++$count;
  select(undef, undef, undef, 0.001) unless -e $release;
}
close $to_child;
waitpid($child, 0);
die "FAIL: child ended with $?" if $?;
for my $n (1 .. $count) {
  die "FAIL: line $n" unless $seen{"line $n"} == $n;
}
print "PASS\n";
