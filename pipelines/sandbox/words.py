"""Names, places and people for the generated records, in several languages and scripts."""

UNDERTAKINGS = (
    "Neubau",
    "Umbau",
    "Sanierung",
    "Extension",
    "Fit-out",
    "Rénovation",
    "Réaménagement",
    "Ampliación",
    "Masterplan",
    "Façade",
    "改修",
    "Przebudowa",
)

SITES = (
    "Königstraße",
    "Harbour Street",
    "Rue de l'Église",
    "Plaza España",
    "東京駅",
    "Łódź Fabryczna",
    "Ålesund Brygge",
    "St. Mary's Hospital",
    "Université Laval",
    "Zürich West",
    "Großmarkthalle",
    'Block "C"',
    "Quay & Sons Wharf",
)

COMPANIES = (
    "Acme Corporation",
    "Müller & Söhne GmbH",
    "Société Générale d'Ascenseurs",
    "Jiménez y Asociados, S.L.",
    "O'Brien Plumbing",
    "Ōtsuka Design 株式会社",
    "Blåbær Bygg AS",
    "Harbour Dental",
    "Praxis Dr. Weiß",
    "Żubr Logistyka",
    "Northwind <Legal>",
    "Green Valley Vets",
)

PEOPLE = (
    "Jane Smith",
    "John Doe",
    "Jürgen Groß",
    "Zoë Lefèvre",
    "María José Ñúñez",
    "Søren Ærø",
    "山田 花子",
    "Nguyễn Thị Hoa",
    "Siân O'Connor",
)

DOMAINS = ("example.com", "example.org", "example.net", "xn--mller-kva.example", "shop.example.com")

PLACES = (
    ("Quebec", "Quebec", "Canada"),
    ("Montréal", "Quebec", "Canada"),
    ("Zürich", "Zürich", "Switzerland"),
    ("Köln", "Nordrhein-Westfalen", "Germany"),
    ("México", "CDMX", "Mexico"),
    ("上海", "上海市", "中国"),
    ("Lyon", "Auvergne-Rhône-Alpes", "France"),
    ("Boston", "Massachusetts", "United States"),
)
"""City, region, country."""

SENTENCES = (
    "Two storeys above the existing hall.",
    'Kundenwunsch: "so früh wie möglich".',
    "Phase 2; see the minutes of 3 March.",
    "Réunion de chantier chaque mardi à 9 h.",
    "Line one\nline two, with a tab\there.",
    "内装工事を含む。",
)
