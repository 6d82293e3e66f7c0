"""The cities people live in, travel to and are robbed from; names and coordinates are real, nothing else is.

No coordinate is a whole number: the database writer takes 13.0 and 13 for one value and would store the wrong type.
"""

import math
from dataclasses import dataclass

EARTH_RADIUS_KM = 6371.0
# What counts as the same place to a person who moves between two networks.
NEAR_KM = 50


@dataclass(frozen=True, slots=True)
class City:
    """One city, as a geo database describes it, with its standard time."""

    name: str
    region: str
    region_name: str
    country: str
    latitude: float
    longitude: float
    utc_offset: float


@dataclass(frozen=True, slots=True)
class Country:
    """One country; `hub` is the city its carriers' addresses, and a database's guesses, resolve to."""

    name: str
    continent: str
    hub: str | None = None


COUNTRIES = {
    "AU": Country("Australia", "OC", "Sydney"),
    "BR": Country("Brazil", "SA", "São Paulo"),
    "CA": Country("Canada", "NA", "Toronto"),
    "CH": Country("Switzerland", "EU"),
    "CL": Country("Chile", "SA"),
    "CO": Country("Colombia", "SA"),
    "CZ": Country("Czechia", "EU"),
    "DE": Country("Germany", "EU", "Frankfurt am Main"),
    "EG": Country("Egypt", "AF"),
    "ES": Country("Spain", "EU", "Madrid"),
    "FI": Country("Finland", "EU"),
    "FR": Country("France", "EU", "Paris"),
    "GB": Country("United Kingdom", "EU", "London"),
    "GE": Country("Georgia", "AS"),
    "IE": Country("Ireland", "EU"),
    "IN": Country("India", "AS", "Mumbai"),
    "IT": Country("Italy", "EU", "Milan"),
    "JP": Country("Japan", "AS", "Tokyo"),
    "KE": Country("Kenya", "AF"),
    "KZ": Country("Kazakhstan", "AS"),
    "MA": Country("Morocco", "AF"),
    "MX": Country("Mexico", "NA"),
    "NL": Country("Netherlands", "EU"),
    "NZ": Country("New Zealand", "OC"),
    "PL": Country("Poland", "EU", "Warsaw"),
    "PT": Country("Portugal", "EU"),
    "SE": Country("Sweden", "EU"),
    "SG": Country("Singapore", "AS"),
    "UA": Country("Ukraine", "EU"),
    "US": Country("United States", "NA", "Dallas"),
    "VN": Country("Vietnam", "AS"),
    "ZA": Country("South Africa", "AF"),
}

CITIES = (
    City("Berlin", "BE", "State of Berlin", "DE", 52.5196, 13.4069, 1),
    City("Potsdam", "BB", "Brandenburg", "DE", 52.3991, 13.0657, 1),
    City("Munich", "BY", "Bavaria", "DE", 48.1374, 11.5755, 1),
    City("Cologne", "NW", "North Rhine-Westphalia", "DE", 50.9333, 6.9501, 1),
    City("Frankfurt am Main", "HE", "Hesse", "DE", 50.1155, 8.6842, 1),
    City("Rostock", "MV", "Mecklenburg-Vorpommern", "DE", 54.0887, 12.1405, 1),
    City("Stuttgart", "BW", "Baden-Wurttemberg", "DE", 48.7823, 9.1771, 1),
    City("Paris", "IDF", "Île-de-France", "FR", 48.8534, 2.3488, 1),
    City("Versailles", "IDF", "Île-de-France", "FR", 48.8036, 2.1342, 1),
    City("Toulouse", "OCC", "Occitanie", "FR", 43.6043, 1.4437, 1),
    City("Lille", "HDF", "Hauts-de-France", "FR", 50.6330, 3.0586, 1),
    City("London", "ENG", "England", "GB", 51.5085, -0.1257, 0),
    City("Bristol", "ENG", "England", "GB", 51.4552, -2.5966, 0),
    City("Leeds", "ENG", "England", "GB", 53.7965, -1.5478, 0),
    City("Glasgow", "SCT", "Scotland", "GB", 55.8652, -4.2576, 0),
    City("Dublin", "L", "Leinster", "IE", 53.3331, -6.2489, 0),
    City("Amsterdam", "NH", "North Holland", "NL", 52.3740, 4.8897, 1),
    City("Zurich", "ZH", "Zurich", "CH", 47.3667, 8.5514, 1),
    City("Madrid", "MD", "Madrid", "ES", 40.4165, -3.7026, 1),
    City("Valencia", "VC", "Valencia", "ES", 39.4739, -0.3797, 1),
    City("Porto", "13", "Porto", "PT", 41.1496, -8.6110, 0),
    City("Milan", "25", "Lombardy", "IT", 45.4643, 9.1895, 1),
    City("Bari", "75", "Apulia", "IT", 41.1177, 16.8512, 1),
    City("Warsaw", "14", "Mazovia", "PL", 52.2298, 21.0118, 1),
    City("Gdansk", "22", "Pomerania", "PL", 54.3523, 18.6491, 1),
    City("Brno", "64", "South Moravian", "CZ", 49.1952, 16.6080, 1),
    City("Gothenburg", "O", "Västra Götaland County", "SE", 57.7072, 11.9668, 1),
    City("Tampere", "11", "Pirkanmaa", "FI", 61.4991, 23.7871, 2),
    City("Odesa", "51", "Odessa", "UA", 46.4775, 30.7326, 2),
    City("Tbilisi", "TB", "Tbilisi", "GE", 41.6941, 44.8337, 4),
    City("Almaty", "75", "Almaty", "KZ", 43.2500, 76.9167, 5),
    City("Austin", "TX", "Texas", "US", 30.2672, -97.7431, -6),
    City("Round Rock", "TX", "Texas", "US", 30.5083, -97.6789, -6),
    City("Dallas", "TX", "Texas", "US", 32.7831, -96.8067, -6),
    City("Chicago", "IL", "Illinois", "US", 41.8500, -87.6500, -6),
    City("Denver", "CO", "Colorado", "US", 39.7392, -104.9847, -7),
    City("Portland", "OR", "Oregon", "US", 45.5234, -122.6762, -8),
    City("Boardman", "OR", "Oregon", "US", 45.8399, -119.7006, -8),
    City("San Francisco", "CA", "California", "US", 37.7749, -122.4194, -8),
    City("Oakland", "CA", "California", "US", 37.8044, -122.2711, -8),
    City("Springfield", "IL", "Illinois", "US", 39.8017, -89.6437, -6),
    City("Springfield", "MO", "Missouri", "US", 37.2153, -93.2982, -6),
    City("Ashburn", "VA", "Virginia", "US", 39.0437, -77.4875, -5),
    City("Atlanta", "GA", "Georgia", "US", 33.7490, -84.3880, -5),
    City("Boston", "MA", "Massachusetts", "US", 42.3584, -71.0598, -5),
    City("Toronto", "ON", "Ontario", "CA", 43.7064, -79.3986, -5),
    City("Mississauga", "ON", "Ontario", "CA", 43.5789, -79.6583, -5),
    City("Calgary", "AB", "Alberta", "CA", 51.0501, -114.0853, -7),
    City("Mumbai", "MH", "Maharashtra", "IN", 19.0728, 72.8826, 5.5),
    City("Bengaluru", "KA", "Karnataka", "IN", 12.9719, 77.5937, 5.5),
    City("Chennai", "TN", "Tamil Nadu", "IN", 13.0878, 80.2785, 5.5),
    City("Kolkata", "WB", "West Bengal", "IN", 22.5626, 88.3630, 5.5),
    City("Singapore", "01", "Central Singapore", "SG", 1.2897, 103.8501, 8),
    City("Tokyo", "13", "Tokyo", "JP", 35.6895, 139.6917, 9),
    City("Sapporo", "01", "Hokkaido", "JP", 43.0667, 141.3500, 9),
    City("Da Nang", "DN", "Da Nang", "VN", 16.0678, 108.2208, 7),
    City("Sydney", "NSW", "New South Wales", "AU", -33.8678, 151.2073, 10),
    City("Perth", "WA", "Western Australia", "AU", -31.9522, 115.8614, 8),
    City("Wellington", "WGN", "Wellington Region", "NZ", -41.2866, 174.7756, 12),
    City("São Paulo", "SP", "São Paulo", "BR", -23.5475, -46.6361, -3),
    City("Recife", "PE", "Pernambuco", "BR", -8.0539, -34.8811, -3),
    City("Valparaíso", "VS", "Valparaíso", "CL", -33.0360, -71.6296, -4),
    City("Medellín", "ANT", "Antioquia", "CO", 6.2518, -75.5636, -5),
    City("Monterrey", "NLE", "Nuevo León", "MX", 25.6751, -100.3185, -6),
    City("Mombasa", "28", "Mombasa County", "KE", -4.0547, 39.6636, 3),
    City("Alexandria", "ALX", "Alexandria", "EG", 31.2018, 29.9158, 2),
    City("Casablanca", "06", "Casablanca-Settat", "MA", 33.5883, -7.6114, 0),
    City("Durban", "KZN", "KwaZulu-Natal", "ZA", -29.8579, 31.0292, 2),
)

BY_NAME = {city.name: city for city in CITIES}


def kilometres(here: City, there: City) -> float:
    """Return the great-circle distance in kilometres."""
    south, north = math.radians(here.latitude), math.radians(there.latitude)
    across = math.radians(there.longitude - here.longitude)
    half = math.sin((north - south) / 2) ** 2 + math.cos(south) * math.cos(north) * math.sin(across / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(half))


def hub(city: City) -> City:
    """Return the city that mobile addresses of this city's country resolve to; itself where the country has no hub."""
    name = COUNTRIES[city.country].hub
    return BY_NAME[name] if name else city


def neighbour(city: City) -> City:
    """Return the nearest other city within 50 km, itself where there is none."""
    others = [other for other in CITIES if other != city and kilometres(city, other) < NEAR_KM]
    return min(others, key=lambda other: kilometres(city, other), default=city)


def far_from(cities: tuple[City, ...], others: tuple[City, ...], least_km: float = 2 * NEAR_KM) -> tuple[City, ...]:
    """Return those of `cities` that are at least `least_km` from each of the others."""
    return tuple(city for city in cities if all(kilometres(city, other) >= least_km for other in others))
