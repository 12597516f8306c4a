#!/usr/bin/env perl
# Writes server/ext4/directory/casefold-table.ts: what casefolded directories do with each character.
# In Perl because it knows in which version of Unicode a character came; the filesystem stays with 12.1.
use v5.16;
use warnings;
use Unicode::Normalize qw(NFD getCombinClass);

my $known = qr/\p{Present_In: 12.1}/;

# Full case folding where there is one, else canonical decomposition, until nothing changes.
sub fold {
    my @characters = @_;
    for (;;) {
        my @next = map { fc($_) ne $_ ? split(//, fc($_)) : split(//, NFD($_)) } @characters;
        return @next if "@next" eq "@characters";
        @characters = @next;
    }
}

my (@single, @multiple, @ignored, @classes);
for my $code (0x80 .. 0xd7ff, 0xe000 .. 0x10ffff) {
    my $character = chr $code;
    # Some unassigned characters are set aside to be ignored, whatever they become.
    if ($character =~ /\p{Default_Ignorable_Code_Point}/ && $character =~ /$known|\p{Unassigned}/) {
        extend(\@ignored, $code, 0);
        next;
    }
    next unless $character =~ $known;
    extend(\@classes, $code, getCombinClass($code)) if getCombinClass($code);
    next if $code >= 0xac00 && $code <= 0xd7a3;    # Hangul syllables decompose by arithmetic
    my @folded = map { ord } fold($character);
    next if @folded == 1 && $folded[0] == $code;
    if (@folded > 1) { push @multiple, join '.', map { base36($_) } $code, @folded }
    else { step($code, $folded[0] - $code) }
}

# Runs [first, count, value] of characters that follow each other.
sub extend {
    my ($runs, $code, $value) = @_;
    my $last = $runs->[-1];
    if ($last && $last->[0] + $last->[1] == $code && $last->[2] == $value) { $last->[1]++ }
    else { push @$runs, [$code, 1, $value] }
}

# Runs [first, count, step, distance]: alphabets, and letters that alternate between upper and lower case.
sub step {
    my ($code, $distance) = @_;
    my $last = $single[-1];
    if ($last && $last->[3] == $distance) {
        my $step = $last->[1] == 1 ? $code - $last->[0] : $last->[2];
        if ($step <= 2 && $last->[0] + $last->[1] * $step == $code) {
            @$last[1, 2] = ($last->[1] + 1, $step);
            return;
        }
    }
    push @single, [$code, 1, 1, $distance];
}

sub base36 {
    my $number = shift;
    return '-' . base36(-$number) if $number < 0;
    my $text = '';
    do { $text = (0 .. 9, 'a' .. 'z')[$number % 36] . $text; $number = int($number / 36) } while $number;
    return $text;
}

sub lines {
    my @lines = ('');
    for (@_) {
        push @lines, '' if length($lines[-1]) + length > 140;
        $lines[-1] .= "$_ ";
    }
    return join "\n", map { "  '$_' +" } @lines;
}

sub runs { map { join '.', map { base36($_) } @$_ } @_ }

sub table {
    my ($comment, $name, @items) = @_;
    my $lines = lines(@items) =~ s/ ' \+\z/';/r;
    return "\n/** $comment */\nexport const $name =\n$lines\n";
}

print "// Written by scripts/casefold-table.pl; numbers are in base 36, parts of an item are separated by dots.\n";
print table('Characters that become one other: first, how many, how far apart, distance to what they become.', 'SINGLE', runs(@single));
print table('Characters that become several: the character, then what it becomes.', 'MULTIPLE', @multiple);
print table('Characters that are left out: first, how many.', 'IGNORED', map { s/\.0$//r } runs(@ignored));
print table('Canonical combining classes that are not 0: first, how many, class.', 'COMBINING_CLASSES', runs(@classes));
