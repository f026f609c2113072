"""Whose the images are: what is said of them where weights that were trained on them are passed on."""

LICENCES = {
    "mnist": "CC BY-SA 3.0, Yann LeCun and Corinna Cortes",
    "fashion_mnist": "MIT, Zalando SE",
    "kmnist": "CC BY-SA 4.0, Center for Open Data in the Humanities, adapted from the Kuzushiji dataset",
    "digits": "CC BY 4.0, E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI repository",
}


def licence(source: str) -> str:
    """Of a data set's images, by its name."""
    return LICENCES.get(source, "not known to genlab: see where the images come from")
