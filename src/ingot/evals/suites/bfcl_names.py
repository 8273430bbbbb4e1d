"""Names to know and to put in their place: people, places, companies and teams.

A place is a tuple of what its parts are called: a city, its state or country, and short forms of that. One place is
replaced by another part by part, so that "Denver, CO" stays a city with its own state.
"""

from __future__ import annotations

STATES = {
    "Alabama": "AL", "Arizona": "AZ", "California": "CA", "Colorado": "CO", "Florida": "FL", "Georgia": "GA",
    "Hawaii": "HI", "Illinois": "IL", "Indiana": "IN", "Iowa": "IA", "Kansas": "KS", "Kentucky": "KY", "Louisiana": "LA",
    "Maryland": "MD", "Massachusetts": "MA", "Michigan": "MI", "Minnesota": "MN", "Missouri": "MO", "Montana": "MT",
    "Nebraska": "NE", "Nevada": "NV", "New Jersey": "NJ", "New Mexico": "NM", "North Carolina": "NC", "Ohio": "OH",
    "Oklahoma": "OK", "Oregon": "OR", "Pennsylvania": "PA", "Tennessee": "TN", "Texas": "TX", "Utah": "UT",
    "Virginia": "VA", "Washington": "WA", "Wisconsin": "WI", "New York": "NY",
}  # fmt: skip
"""State to its two letters. A state is replaced by one with as many words."""

CITIES = {
    "Albany": "New York", "Atlanta": "Georgia", "Austin": "Texas", "Baltimore": "Maryland", "Berkeley": "California",
    "Boston": "Massachusetts", "Boulder": "Colorado", "Chicago": "Illinois", "Cleveland": "Ohio", "Dallas": "Texas",
    "Denver": "Colorado", "Detroit": "Michigan", "Houston": "Texas", "Las Vegas": "Nevada", "Los Angeles": "California",
    "Memphis": "Tennessee", "Miami": "Florida", "Milwaukee": "Wisconsin", "Minneapolis": "Minnesota",
    "Nashville": "Tennessee", "New Orleans": "Louisiana", "New York": "New York", "New York City": "New York",
    "Oakland": "California", "Omaha": "Nebraska", "Orlando": "Florida", "Philadelphia": "Pennsylvania",
    "Phoenix": "Arizona", "Pittsburgh": "Pennsylvania", "Portland": "Oregon", "Sacramento": "California",
    "Salt Lake City": "Utah", "San Antonio": "Texas", "San Diego": "California", "San Francisco": "California",
    "San Jose": "California", "Santa Barbara": "California", "Santa Fe": "New Mexico", "Seattle": "Washington",
    "Spokane": "Washington", "Tampa": "Florida", "Tucson": "Arizona",
}  # fmt: skip
"""City of the United States to its state."""

WORLD_CITIES = {
    "Amsterdam": ("Netherlands",), "Athens": ("Greece",), "Auckland": ("New Zealand",), "Bangkok": ("Thailand",),
    "Beijing": ("China",), "Berlin": ("Germany",), "Brisbane": ("Australia",), "Budapest": ("Hungary",),
    "Cairo": ("Egypt",), "Copenhagen": ("Denmark",), "Dublin": ("Ireland",), "Hanoi": ("Vietnam",),
    "Helsinki": ("Finland",), "Istanbul": ("Turkey",), "Kyoto": ("Japan",), "Lima": ("Peru",), "Lisbon": ("Portugal",),
    "London": ("England", "UK", "United Kingdom"), "Madrid": ("Spain",), "Melbourne": ("Australia",),
    "Milan": ("Italy",), "Mumbai": ("India",), "Munich": ("Germany",), "Nairobi": ("Kenya",), "Oslo": ("Norway",),
    "Paris": ("France",), "Prague": ("Czechia",), "Rome": ("Italy",), "Seoul": ("South Korea",), "Shanghai": ("China",),
    "Sydney": ("Australia",), "Tokyo": ("Japan",), "Toronto": ("Canada",), "Vienna": ("Austria",),
    "Warsaw": ("Poland",), "Zurich": ("Switzerland",),
}  # fmt: skip
"""City to what its country is called."""

COUNTRIES = (
    "Argentina", "Australia", "Austria", "Belgium", "Brazil", "Canada", "Chile", "China", "Denmark", "Egypt", "Finland",
    "France", "Germany", "Greece", "Hungary", "India", "Ireland", "Italy", "Japan", "Kenya", "Mexico", "Netherlands",
    "Norway", "Peru", "Poland", "Portugal", "Spain", "Sweden", "Switzerland", "Thailand", "Turkey", "Vietnam",
    "New Zealand", "South Korea", "South Africa", "United Kingdom", "United States",
)  # fmt: skip

PEOPLE_HINTS = frozenset({
    "player", "artist", "author", "actor", "actress", "scientist", "person", "people", "celebrity", "painter", "sculptor",
    "composer", "singer", "director", "customer", "username", "president", "inventor", "plaintiff", "defendant",
    "employee", "patient", "students", "contact", "recipient", "sender",
})  # fmt: skip
"""Words in a parameter's name or description that make a capitalised value of it a person's name."""

FIRST_NAMES = (
    "Adam", "Alex", "Alice", "Anna", "Bob", "Brian", "Carl", "Clara", "Daniel", "David", "Emma", "Erik", "Frank",
    "Grace", "Helen", "Ivan", "Jack", "James", "Jane", "John", "Julia", "Karen", "Laura", "Lucas", "Maria", "Mark",
    "Mary", "Mike", "Nina", "Oscar", "Paul", "Peter", "Rachel", "Robert", "Sam", "Sarah", "Simon", "Steve", "Tom",
    "Victor", "Wendy",
)  # fmt: skip

SURNAMES = (
    "Albrecht", "Bellini", "Castell", "Drummond", "Eriksen", "Falkner", "Greenwood", "Hartmann", "Ibarra", "Jansson",
    "Kessler", "Lindqvist", "Moretti", "Novak", "Okafor", "Pemberton", "Quintero", "Rasmussen", "Sandoval", "Thornton",
    "Underhill", "Valdez", "Whitlock", "Yamada", "Zeller",
)  # fmt: skip

COMPANIES = (
    "Adobe", "Airbus", "Amazon", "Apple", "Boeing", "Cisco", "Facebook", "Ford", "Google", "Honda", "IBM", "Intel",
    "Microsoft", "Netflix", "Nike", "Nokia", "Oracle", "Pfizer", "Samsung", "Siemens", "Sony", "Starbucks", "Tesla",
    "Toyota", "Uber", "Walmart",
)  # fmt: skip

TEAMS = (
    ("Arsenal", "Barcelona", "Chelsea", "Everton", "Juventus", "Manchester United", "Real Madrid", "Leeds United",
     "Aston Villa"),
    ("Lakers", "Clippers", "Warriors", "Celtics", "Knicks", "Chicago Bulls", "Miami Heat", "Dallas Mavericks",
     "Denver Nuggets", "Golden State Warriors", "Los Angeles Lakers", "Los Angeles Clippers", "New York Knicks",
     "San Antonio Spurs"),
)  # fmt: skip
"""Teams, sport by sport."""

NUMBER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip
